// npm's @sigstore/verify and canonicalize, as a second opinion on proofs, checkpoints, records and canonical bytes.
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

// Not among what the package exports, and yet what it verifies Rekor's logs with.
const inside = path.join(path.dirname(require.resolve("@sigstore/verify")), "tlog");
const { verifyMerkleInclusion } = require(path.join(inside, "merkle.js"));
const { verifyCheckpoint } = require(path.join(inside, "checkpoint.js"));

const included = (index, hashes, body, logSize, logHash) => {
  const inclusionProof = { logIndex: String(index), hashes: hashes.map((hash) => Buffer.from(hash, "base64")) };
  verifyMerkleInclusion({ inclusionProof, canonicalizedBody: body }, { logSize: BigInt(logSize), logHash });
};

// Each line is a proof and whether it is to be believed.
async function proofs() {
  let right = 0;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { index, size, leaf, hashes, root, good } = JSON.parse(line);
    let believed = true;
    try {
      included(index, hashes, Buffer.from(leaf, "base64"), size, Buffer.from(root, "base64"));
    } catch {
      believed = false;
    }
    if (believed !== good) throw new Error(`${line}: believed ${believed}`);
    right += 1;
  }
  console.log(right);
}

// A folder with a checkpoint, records, and a proof for each of them.
function log(folder) {
  const read = (name) => fs.readFileSync(path.join(folder, name));
  const [name, keyid, ...rest] = read("log.vkey").toString().trim().split("+");
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(rest.join("+"), "base64").subarray(1)]);
  const publicKey = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
  const tlogs = [{ logID: Buffer.from(keyid, "hex"), baseURL: name, publicKey }];
  const envelope = read("checkpoint").toString();
  const checkpoint = verifyCheckpoint({ inclusionProof: { checkpoint: { envelope } } }, tlogs);
  const records = read("records.jsonl").toString().split("\n").slice(0, -1);
  if (BigInt(records.length) !== checkpoint.logSize) throw new Error("another number of records was signed");
  const paths = JSON.parse(read("proofs.json"));
  records.forEach((record, index) => {
    included(index, paths[index], Buffer.from(record), checkpoint.logSize, checkpoint.logHash);
  });
}

function logs(folders) {
  for (const folder of folders) {
    try {
      log(folder);
      console.log("good");
    } catch (error) {
      console.log(`bad: ${error.message.split("\n")[0]}`);
    }
  }
}

async function canonical() {
  const canonicalize = (await import("canonicalize")).default;
  const out = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    out.push(canonicalize(JSON.parse(line)));
  }
  process.stdout.write(`${out.join("\n")}\n`);
}

const [command, ...rest] = process.argv.slice(2);
({ proofs, logs: () => logs(rest), canonical })[command]();

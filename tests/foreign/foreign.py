"""PyPI's pymerkle and rfc8785, as a second opinion on trees, proofs, whole logs and canonical bytes."""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import pymerkle
import rfc8785


def tree():
    return pymerkle.InmemoryTree(algorithm="sha256")


def trees(largest):
    """For every size the root, and a digest of a sample of the proofs of inclusion."""
    grown = tree()
    for size in range(1, largest + 1):
        grown.append_entry((size - 1).to_bytes(8, "big"))
        sample = hashlib.sha256()
        for index in range(size):
            if index in (0, size - 1) or (index + size) % 101 == 0:
                # Here the entry counts from 1, and the path begins with its own hash.
                path = grown.prove_inclusion(index + 1, size).serialize()["path"][1:]
                sample.update(bytes([len(path)]) + b"".join(map(bytes.fromhex, path)))
        print(size, grown.get_root(size).hex(), sample.hexdigest())


def log(folder):
    """Why a folder is bad; nothing where it is good. The signature is for openssl."""
    text, signatures = (folder / "checkpoint").read_bytes().decode().split("\n\n")
    name, _, key = (folder / "log.vkey").read_text().strip().split("+", 2)
    origin, size, root = text.split("\n")
    if origin != name:
        return "another log"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        signature = base64.b64decode(signatures.splitlines()[0].split(" ")[2], validate=True)
        (work / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + base64.b64decode(key)[1:])
        (work / "text").write_bytes((text + "\n").encode())
        (work / "signature").write_bytes(signature[4:])
        command = "openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key -in text -sigfile signature"
        if subprocess.run(command.split(), cwd=work, capture_output=True).returncode:
            return "the signature is wrong"
    grown, count = tree(), 0
    for line in (folder / "records.jsonl").open("rb"):
        grown.append_entry(line.removesuffix(b"\n"))
        count += 1
    if str(count) != size:
        return f"{count} records, {size} were signed"
    if base64.b64encode(grown.get_root(count)).decode() != root:
        return "another root was signed"
    return None


def logs(folders):
    for folder in folders:
        try:
            why = log(pathlib.Path(folder))
        except Exception as error:
            why = repr(error)
        print("good" if why is None else f"bad: {why}")


def canonical():
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(rfc8785.dumps(json.loads(line)) + b"\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["trees", largest]:
            trees(int(largest))
        case ["logs", *folders]:
            logs(folders)
        case ["canonical"]:
            canonical()

// Go's own checksum-database packages, as a second opinion on trees, proofs, checkpoints and whole logs.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// hashes are the stored hashes of a growing tree.
type hashes []tlog.Hash

func (stored hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(stored)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		read[i] = stored[index]
	}
	return read, nil
}

func (stored *hashes) add(n int64, record []byte) {
	more, err := tlog.StoredHashes(n, record, *stored)
	must(err)
	*stored = append(*stored, more...)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// trees prints, for every size, the root and a digest of every proof that there is in that tree.
func trees(largest int64) {
	var stored hashes
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for size := int64(1); size <= largest; size++ {
		leaf := make([]byte, 8)
		binary.BigEndian.PutUint64(leaf, uint64(size-1))
		stored.add(size-1, leaf)
		root, err := tlog.TreeHash(size, stored)
		must(err)
		all := sha256.New()
		for index := int64(0); index < size; index++ {
			proof, err := tlog.ProveRecord(size, index, stored)
			must(err)
			all.Write([]byte{byte(len(proof))})
			for _, hash := range proof {
				all.Write(hash[:])
			}
		}
		for old := int64(1); old <= size; old++ {
			proof, err := tlog.ProveTree(size, old, stored)
			must(err)
			all.Write([]byte{byte(len(proof))})
			for _, hash := range proof {
				all.Write(hash[:])
			}
		}
		fmt.Fprintf(out, "%d %x %x\n", size, root[:], all.Sum(nil))
	}
}

// log verifies one folder: the checkpoint with the keys, the records with the checkpoint.
func log(folder string) error {
	keys, err := os.ReadFile(filepath.Join(folder, "log.vkey"))
	if err != nil {
		return err
	}
	var known []note.Verifier
	for _, key := range strings.Fields(string(keys)) {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return err
		}
		known = append(known, verifier)
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != known[0].Name() {
		return fmt.Errorf("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	wanted, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}
	records, err := os.ReadFile(filepath.Join(folder, "records.jsonl"))
	if err != nil {
		return err
	}
	var stored hashes
	var count int64
	for _, record := range bytes.SplitAfter(records, []byte("\n")) {
		if len(record) > 0 {
			stored.add(count, bytes.TrimSuffix(record, []byte("\n")))
			count++
		}
	}
	if count != size {
		return fmt.Errorf("%d records, %d were signed", count, size)
	}
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return err
	}
	if root != wanted {
		return fmt.Errorf("another root was signed")
	}
	return nil
}

func main() {
	switch os.Args[1] {
	case "trees":
		largest, err := strconv.ParseInt(os.Args[2], 10, 64)
		must(err)
		trees(largest)
	case "logs":
		for _, folder := range os.Args[2:] {
			if err := log(folder); err != nil {
				fmt.Println("bad:", err)
			} else {
				fmt.Println("good")
			}
		}
	}
}

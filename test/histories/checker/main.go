// Decides whether histories of a cluster are linearizable: whether each operation can have happened at one moment between its
// call and its answer, such that all answers are right. The search is porcupine's (A. Athalye; after G. Lowe, "Testing for
// linearizability", 2017); only the model of a policy stands here.
//
// Usage: checker FILE...; each file is a JSON array of operations. Prints one line per file, `FILE ok|illegal|unknown OPERATIONS`,
// and exits with 1 if any is not ok.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Operation is one call with all its repetitions, as test/histories/history.ts writes it.
type Operation struct {
	Client int
	// create, update, delete, get, start, stop, runs
	Kind   string
	Policy string
	// What create and update write; what get read.
	Value string
	// OK, NOT_FOUND, ALREADY_EXISTS, POLICY_DELETING; UNKNOWN: no answer came, so it happened at some time, or never.
	Status string
	// Of start: the run. Of runs: all that are not ended.
	Runs []string
	// Nanoseconds of one clock.
	CallNs   int64
	ReturnNs int64
}

// policyState is what the specification knows of one policy. Values, so that the search can keep many.
type policyState struct {
	exists bool
	value  string
	// Unended runs that an answer named, sorted and joined.
	named string
	// Unended runs of starts whose answer was lost: they are there, and nobody knows their names.
	unnamed int
}

const longestSearch = 60 * time.Second

func main() {
	failed := false
	for _, file := range os.Args[1:] {
		operations, err := read(file)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(2)
		}
		result := porcupine.CheckOperationsTimeout(policyModel(operations), toPorcupine(operations), longestSearch)
		word := map[porcupine.CheckResult]string{porcupine.Ok: "ok", porcupine.Illegal: "illegal", porcupine.Unknown: "unknown"}[result]
		failed = failed || result != porcupine.Ok
		fmt.Printf("%s %s %d\n", file, word, len(operations))
	}
	if failed {
		os.Exit(1)
	}
}

func read(file string) ([]Operation, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var operations []Operation
	return operations, json.Unmarshal(text, &operations)
}

func toPorcupine(operations []Operation) []porcupine.Operation {
	converted := make([]porcupine.Operation, 0, len(operations))
	for _, operation := range operations {
		if operation.Status == "UNKNOWN" && (operation.Kind == "get" || operation.Kind == "runs") {
			continue // A read without an answer says nothing.
		}
		returned := operation.ReturnNs
		if operation.Status == "UNKNOWN" {
			returned = math.MaxInt64
		}
		converted = append(converted, porcupine.Operation{
			ClientId: operation.Client, Input: operation, Output: operation, Call: operation.CallNs, Return: returned,
		})
	}
	return converted
}

func policyModel(operations []Operation) porcupine.Model {
	named := map[string]bool{}
	for _, operation := range operations {
		if operation.Kind == "start" && operation.Status == "OK" {
			for _, run := range operation.Runs {
				named[run] = true
			}
		}
	}
	return porcupine.Model{
		Partition: byPolicy,
		Init:      func() interface{} { return policyState{} },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			return step(state.(policyState), input.(Operation), named)
		},
		Equal: func(a, b interface{}) bool { return a.(policyState) == b.(policyState) },
	}
}

func byPolicy(history []porcupine.Operation) [][]porcupine.Operation {
	parts := map[string][]porcupine.Operation{}
	for _, operation := range history {
		policy := operation.Input.(Operation).Policy
		parts[policy] = append(parts[policy], operation)
	}
	partitions := make([][]porcupine.Operation, 0, len(parts))
	for _, part := range parts {
		partitions = append(partitions, part)
	}
	return partitions
}

// step is the specification: whether a policy in this state may have given this answer, and its state afterwards.
func step(state policyState, operation Operation, named map[string]bool) (bool, policyState) {
	unknown := operation.Status == "UNKNOWN"
	refused := operation.Status == "NOT_FOUND" || operation.Status == "POLICY_DELETING"
	if operation.Kind == "create" {
		switch {
		case operation.Status == "POLICY_DELETING":
			return !state.exists, state
		case state.exists:
			return unknown || operation.Status == "ALREADY_EXISTS", state
		}
		return unknown || operation.Status == "OK", policyState{exists: true, value: operation.Value}
	}
	if operation.Kind == "runs" {
		return operation.Status == "OK" && sameRuns(state, operation.Runs, named), state
	}
	if !state.exists {
		return unknown || refused, state
	}
	if !unknown && operation.Status != "OK" {
		return false, state
	}
	switch operation.Kind {
	case "get":
		return operation.Value == state.value, state
	case "update":
		state.value = operation.Value
	case "delete":
		state = policyState{}
	case "stop":
		state.named, state.unnamed = "", 0
	case "start":
		if unknown {
			state.unnamed++
		} else if state.named = join(append(split(state.named), operation.Runs...)); hasTwice(state.named) {
			return false, state // One run for two starts.
		}
	default:
		return false, state
	}
	return true, state
}

// sameRuns tells whether these are all the unended runs: those with known names, and as many others as answers were lost.
func sameRuns(state policyState, runs []string, named map[string]bool) bool {
	known, others := []string{}, 0
	for _, run := range runs {
		if named[run] {
			known = append(known, run)
		} else {
			others++
		}
	}
	return join(known) == state.named && others == state.unnamed
}

func join(runs []string) string {
	sort.Strings(runs)
	return strings.Join(runs, " ")
}

func split(runs string) []string { return strings.Fields(runs) }

func hasTwice(runs string) bool {
	all := split(runs)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			return true
		}
	}
	return false
}

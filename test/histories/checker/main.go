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
	"slices"
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
	phase phase
	value string
	// Unended runs that an answer named, sorted and joined.
	named string
	// Unended runs of starts whose answer was lost: they are there, and nobody knows their names.
	unnamed int
}

type phase int

const (
	absent phase = iota
	present
	// Between a delete and the end of its last run: still there, and its name is not free.
	deleting
)

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
	model := porcupine.NondeterministicModel{
		Partition: byPolicy,
		Init:      func() []interface{} { return []interface{}{policyState{}} },
		Step: func(state, input, _ interface{}) []interface{} {
			next := []interface{}{}
			for _, before := range moments(state.(policyState)) {
				if may, after := step(before, input.(Operation), named); may {
					next = append(next, after)
				}
			}
			return next
		},
		Equal: func(a, b interface{}) bool { return a.(policyState) == b.(policyState) },
	}
	return model.ToModel()
}

// moments are the states that this one can be in when nobody does anything: what is being deleted is gone some time later.
func moments(state policyState) []policyState {
	if state.phase == deleting {
		return []policyState{state, {}}
	}
	return []policyState{state}
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
	if operation.Kind == "runs" {
		return operation.Status == "OK" && sameRuns(state, operation.Runs, named), state
	}
	switch state.phase {
	case absent:
		return stepAbsent(state, operation)
	case deleting:
		return stepDeleting(state, operation)
	default:
		return stepPresent(state, operation)
	}
}

func stepAbsent(state policyState, operation Operation) (bool, policyState) {
	if operation.Kind == "create" {
		created := policyState{phase: present, value: operation.Value}
		return operation.Status == "UNKNOWN" || operation.Status == "OK", created
	}
	return operation.Status == "UNKNOWN" || operation.Status == "NOT_FOUND", state
}

// stepDeleting: it is read as it was, a second delete is answered as the first, everything else is refused.
func stepDeleting(state policyState, operation Operation) (bool, policyState) {
	if operation.Status == "UNKNOWN" {
		return true, state
	}
	switch operation.Kind {
	case "get":
		return operation.Status == "OK" && operation.Value == state.value, state
	case "delete":
		return operation.Status == "OK", state
	default:
		return operation.Status == "POLICY_DELETING", state
	}
}

func stepPresent(state policyState, operation Operation) (bool, policyState) {
	unknown := operation.Status == "UNKNOWN"
	if operation.Kind == "create" {
		return unknown || operation.Status == "ALREADY_EXISTS", state
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
		state.phase = deleting
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

// sameRuns tells whether these are all the unended runs: those with known names, and as many others as answers were lost. While a
// policy is being deleted its runs end, so that any part of them is right.
func sameRuns(state policyState, runs []string, named map[string]bool) bool {
	known, others := []string{}, 0
	for _, run := range runs {
		if named[run] {
			known = append(known, run)
		} else {
			others++
		}
	}
	if state.phase == deleting {
		return isPartOf(known, split(state.named)) && others <= state.unnamed
	}
	return join(known) == state.named && others == state.unnamed
}

func isPartOf(part, whole []string) bool {
	for _, run := range part {
		if !slices.Contains(whole, run) {
			return false
		}
	}
	return true
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

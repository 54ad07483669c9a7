// Command checker says whether a history of calls is linearizable: whether each call could have happened at one moment between its
// sending and its answer. It reads a history as JSON from standard input and prints one line for each policy that can't be explained.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// call is one call of a client. A call whose outcome never became known has result "unknown" and may have happened at any time after
// it was sent, or never.
type call struct {
	Client int    `json:"client"`
	Sent   int64  `json:"sent"`
	Done   int64  `json:"done"`
	Policy string `json:"policy"`
	Kind   string `json:"kind"`
	Value  string `json:"value"`
	Result string `json:"result"`
	// Seen by a get.
	SeenValue string `json:"seenValue"`
	SeenRuns  int    `json:"seenRuns"`
}

// policy is what a policy is to its callers.
type policy struct {
	Exists bool
	Value  string
	Runs   int
}

func apply(state policy, c call) policy {
	switch c.Kind {
	case "create":
		return policy{Exists: true, Value: c.Value}
	case "update":
		state.Value = c.Value
	case "start":
		state.Runs++
	case "stop":
		state.Runs = 0
	case "delete":
		return policy{}
	}
	return state
}

// step lists the states after a call that was answered as it was; none: it can't have been answered so.
func step(state policy, c call) []policy {
	allowed := state.Exists != (c.Kind == "create")
	switch c.Result {
	case "ok":
		seen := c.Kind != "get" || (state.Value == c.SeenValue && state.Runs == c.SeenRuns)
		if allowed && seen {
			return []policy{apply(state, c)}
		}
	case "refused":
		if !allowed {
			return []policy{state}
		}
	case "unknown":
		if allowed {
			return []policy{state, apply(state, c)}
		}
		return []policy{state}
	}
	return nil
}

func model() porcupine.Model {
	return (&porcupine.NondeterministicModel{
		Init: func() []interface{} { return []interface{}{policy{}} },
		Step: func(state, input, output interface{}) []interface{} {
			var after []interface{}
			for _, next := range step(state.(policy), input.(call)) {
				after = append(after, next)
			}
			return after
		},
		Equal: func(a, b interface{}) bool { return a == b },
	}).ToModel()
}

func main() {
	var calls []call
	if err := json.NewDecoder(os.Stdin).Decode(&calls); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	end := int64(0)
	for _, c := range calls {
		end = max(end, c.Sent, c.Done)
	}
	byPolicy := map[string][]porcupine.Operation{}
	for i, c := range calls {
		done := c.Done
		client := c.Client
		if c.Result == "unknown" {
			// It is under way for ever; its client goes on as somebody else.
			done = end + int64(i) + 1
			client = 1000 + i
		}
		operation := porcupine.Operation{ClientId: client, Input: c, Call: c.Sent, Output: c.Result, Return: done}
		byPolicy[c.Policy] = append(byPolicy[c.Policy], operation)
	}
	names := make([]string, 0, len(byPolicy))
	for name := range byPolicy {
		names = append(names, name)
	}
	sort.Strings(names)
	failed := false
	for _, name := range names {
		result := porcupine.CheckOperationsTimeout(model(), byPolicy[name], 60*time.Second)
		if result != porcupine.Ok {
			failed = true
			fmt.Printf("%s: %d calls are %s\n", name, len(byPolicy[name]), map[porcupine.CheckResult]string{
				porcupine.Illegal: "not linearizable", porcupine.Unknown: "too many to tell within a minute",
			}[result])
		}
	}
	if failed {
		os.Exit(1)
	}
	fmt.Printf("%d calls, %d policies: linearizable\n", len(calls), len(names))
}

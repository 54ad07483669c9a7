package locum

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	locumv1 "locum/sdk/go/locum/v1"
)

// ErrOutside says that this does not run inside a policy: there is no attempt that could be fenced.
var ErrOutside = errors.New("LOCUM_POLICY, LOCUM_RUN and LOCUM_EPOCH are not set: this does not run inside a policy")

// PolicyContext is what the keeper told this process of its attempt.
type PolicyContext struct {
	// Policy is policies/{policy}, Run is runs/{run}.
	Policy, Run string
	// Epoch is higher for each later attempt of a run.
	Epoch uint64
}

// ContextFromEnv reads the environment of this process. It fails with ErrOutside.
func ContextFromEnv() (PolicyContext, error) { return ContextFrom(os.Getenv) }

// ContextFrom is ContextFromEnv with another environment.
func ContextFrom(getenv func(string) string) (PolicyContext, error) {
	policy, run := getenv("LOCUM_POLICY"), getenv("LOCUM_RUN")
	epoch, err := strconv.ParseUint(getenv("LOCUM_EPOCH"), 10, 64)
	if policy == "" || run == "" || err != nil || epoch == 0 {
		return PolicyContext{}, ErrOutside
	}
	return PolicyContext{Policy: named("policies/", policy), Run: named("runs/", run), Epoch: epoch}, nil
}

func named(collection, id string) string { return collection + strings.TrimPrefix(id, collection) }

// FencedError says that another attempt may be running: what is left undone must stay undone here.
type FencedError struct {
	Answer *locumv1.CheckFenceResponse
}

func (e *FencedError) Error() string { return fmt.Sprintf("fenced: %s", e.Answer.GetMessage()) }

// Fence asks whether an attempt may still act. A check says what was true a moment ago. What must never be written twice has to compare
// Token in the write itself (docs/guarantees.md).
type Fence struct {
	PolicyContext
	fences locumv1.FenceServiceClient
}

// NewFence makes one of the context of an attempt.
func NewFence(client *Client, attempt PolicyContext) *Fence { return &Fence{attempt, client.Fences} }

// Token is LOCUM_EPOCH.
func (f *Fence) Token() uint64 { return f.Epoch }

// Check asks the controllers. Where they can't be asked nothing is known, and the careful go on as if fenced.
func (f *Fence) Check(ctx context.Context) (*locumv1.CheckFenceResponse, error) {
	return f.fences.CheckFence(ctx, &locumv1.CheckFenceRequest{Policy: f.Policy, Run: f.Run, Epoch: f.Epoch})
}

// AssertCurrent fails with a FencedError when the attempt was superseded or has ended, and as Check fails.
func (f *Fence) AssertCurrent(ctx context.Context) error {
	answer, err := f.Check(ctx)
	if err != nil {
		return err
	}
	if !answer.GetCurrent() {
		return &FencedError{answer}
	}
	return nil
}

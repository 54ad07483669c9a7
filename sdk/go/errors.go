package locum

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is what a controller answered instead of doing it. Tell errors apart by Reason (docs/errors.md), never by their text.
type Error struct {
	// Reason is a stable word, such as NOT_FOUND.
	Reason string
	// Resource is the name of what the error is about, such as policies/web. Empty: nothing in particular.
	Resource        string
	FieldViolations []FieldViolation
	Metadata        map[string]string
	// RetryAfter is the time after which to try again. 0: the controller does not say.
	RetryAfter time.Duration
	status     *status.Status
}

// FieldViolation names a field that breaks a rule.
type FieldViolation struct {
	Field, Description string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Reason, e.status.Message()) }

// GRPCStatus gives the code to status.Code.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// UnreachableError says that there was no connection to any address, so nothing was sent: nobody listens, or TLS was refused.
type UnreachableError struct {
	status *status.Status
}

func (e *UnreachableError) Error() string { return "no controller: " + e.status.Message() }

// GRPCStatus gives the code to status.Code.
func (e *UnreachableError) GRPCStatus() *status.Status { return e.status }

// What grpc says of a connection that was never made.
var neverArrived = []string{"Error while dialing", "authentication handshake failed", "name resolver error", "produced zero addresses"}

// failureOf makes one of the errors above of what grpc says; others stay as they are.
func failureOf(err error) error {
	known, ok := status.FromError(err)
	if !ok {
		return err
	}
	found := &Error{status: known}
	domain := ""
	for _, detail := range known.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			domain, found.Reason, found.Metadata = detail.Domain, detail.Reason, detail.Metadata
		case *errdetails.ResourceInfo:
			found.Resource = detail.ResourceName
		case *errdetails.RetryInfo:
			found.RetryAfter = detail.RetryDelay.AsDuration()
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				found.FieldViolations = append(found.FieldViolations, FieldViolation{violation.Field, violation.Description})
			}
		}
	}
	if domain == "locum" {
		return found
	}
	if known.Code() == codes.Unavailable {
		for _, text := range neverArrived {
			if strings.Contains(known.Message(), text) {
				return &UnreachableError{known}
			}
		}
	}
	return err
}

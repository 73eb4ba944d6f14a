// Creates a person, verifies the address, finds, locks and deletes the person: with grpc-go and stubs that buf generates.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	user "example.com/roster/gen/zitadel/user/v2"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

//go:generate npx buf generate

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	url := cmp.Or(os.Getenv("ROSTER_URL"), "http://localhost:8080")
	// The way there is encrypted where the URL says so.
	host, secure := strings.CutPrefix(url, "https://")
	transport := credentials.NewTLS(nil)
	if !secure {
		host, transport = strings.TrimPrefix(url, "http://"), insecure.NewCredentials()
	}
	conn := must(grpc.NewClient(host, grpc.WithTransportCredentials(transport), grpc.WithUnaryInterceptor(bearer(signIn(ctx, url)))))
	defer conn.Close()
	users := user.NewUserServiceClient(conn)

	email := fmt.Sprintf("ada-%s@example.com", strings.ToLower(rand.Text()[:8]))
	created := must(users.AddHumanUser(ctx, &user.AddHumanUserRequest{
		Profile: &user.SetHumanProfile{GivenName: "Ada", FamilyName: "Lovelace"},
		// The code comes back in the answer, for a mail of your own; with SendCode, Roster sends it.
		Email: &user.SetHumanEmail{Email: email, Verification: &user.SetHumanEmail_ReturnCode{}},
	}))
	userID := created.GetUserId()
	fmt.Println("created ", userID)

	must(users.VerifyEmail(ctx, &user.VerifyEmailRequest{UserId: userID, VerificationCode: created.GetEmailCode()}))
	fmt.Println("verified", email)

	byEmail := &user.SearchQuery_EmailQuery{EmailQuery: &user.EmailQuery{EmailAddress: email}}
	found := must(users.ListUsers(ctx, &user.ListUsersRequest{Queries: []*user.SearchQuery{{Query: byEmail}}}))
	for _, person := range found.GetResult() {
		fmt.Println("found   ", person.GetPreferredLoginName())
	}

	// From now on the person's sessions and tokens are worth nothing.
	must(users.LockUser(ctx, &user.LockUserRequest{UserId: userID}))
	fmt.Println("locked  ", userID)

	must(users.DeleteUser(ctx, &user.DeleteUserRequest{UserId: userID}))
	fmt.Println("deleted ", userID)

	_, err := users.GetUserByID(ctx, &user.GetUserByIDRequest{UserId: userID})
	if status.Code(err) != codes.NotFound {
		log.Fatal("the user is still there: ", err)
	}
	fmt.Println("refused ", reasonOf(err))
}

// must ends the program where something was refused, with the sentence that says why.
func must[T any](answer T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return answer
}

// signIn tells where tokens come from: a key or a token, whichever is given.
func signIn(ctx context.Context, url string) oauth2.TokenSource {
	file := os.Getenv("ROSTER_KEY_FILE")
	if file == "" {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: os.Getenv("ROSTER_TOKEN")})
	}
	var key struct{ UserID, KeyID, Key string }
	if err := json.Unmarshal(must(os.ReadFile(file)), &key); err != nil {
		log.Fatal(err)
	}
	// Signs for an access token before the first call, and for another one whenever that has expired.
	config := &jwt.Config{
		Email: key.UserID, Subject: key.UserID, PrivateKeyID: key.KeyID, PrivateKey: []byte(key.Key),
		Audience: url, TokenURL: url + "/oauth/v2/token", Expires: time.Minute,
	}
	return config.TokenSource(ctx)
}

// bearer adds the token to each call. What grpc has for that (credentials/oauth) insists on TLS.
func bearer(tokens oauth2.TokenSource) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, reply any,
		conn *grpc.ClientConn, next grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		token, err := tokens.Token()
		if err != nil {
			return err
		}
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.AccessToken)
		return next(ctx, method, request, reply, conn, options...)
	}
}

// reasonOf tells what went wrong, for programs: the reason in the ErrorInfo, one of docs/errors.md.
// Messages may change, reasons do not.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return status.Code(err).String()
}

// Beside the pieces of docs/clients/go.md: prints what it knows of a user after each change.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

func show(states map[string]State) {
	shown := map[string][]any{}
	for channel, state := range states {
		if state.Deleted == 0 {
			shown[channel] = []any{state.LastRead, state.Mentions}
		}
	}
	line, err := json.Marshal(shown)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func main() {
	user, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	states := ReadStates{client: connect(), user: user}
	for {
		fmt.Fprintln(os.Stderr, states.Follow(context.Background(), show))
	}
}

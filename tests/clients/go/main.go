// A chat backend's go-redis client, told what to do on stdin: see tests/integration/client.py.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const messageWait = 30 * time.Second

type request struct {
	Do        string     `json:"do"`
	Arguments []string   `json:"arguments"`
	Commands  [][]string `json:"commands"`
	Channel   string     `json:"channel"`
}

type answer map[string]any

type client struct {
	redis *redis.Client
	feed  *redis.PubSub
}

func words(arguments []string) []any {
	words := make([]any, len(arguments))
	for i, argument := range arguments {
		words[i] = argument
	}
	return words
}

// asJSON makes of a map's keys what JSON can have.
func asJSON(reply any) any {
	switch reply := reply.(type) {
	case []any:
		for i, item := range reply {
			reply[i] = asJSON(item)
		}
		return reply
	case map[any]any:
		object := make(map[string]any, len(reply))
		for key, item := range reply {
			object[fmt.Sprint(key)] = asJSON(item)
		}
		return object
	}
	return reply
}

// failure tells what the server refuses from what the connection does.
func failure(err error) answer {
	var refused redis.Error
	if errors.As(err, &refused) {
		return answer{"error": refused.Error()}
	}
	return answer{"lost": err.Error()}
}

func result(command *redis.Cmd) answer {
	reply, err := command.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return failure(err)
	}
	return answer{"reply": asJSON(reply)}
}

func (c *client) pipeline(ctx context.Context, commands [][]string) []answer {
	pipe := c.redis.Pipeline()
	for _, command := range commands {
		pipe.Do(ctx, words(command)...)
	}
	// What fails stands in each command as well.
	done, _ := pipe.Exec(ctx)
	answers := make([]answer, len(done))
	for i, command := range done {
		answers[i] = result(command.(*redis.Cmd))
	}
	return answers
}

func (c *client) parallel(ctx context.Context, commands [][]string) []answer {
	answers := make([]answer, len(commands))
	var all sync.WaitGroup
	for i, command := range commands {
		all.Add(1)
		go func(i int, command []string) {
			defer all.Done()
			answers[i] = result(c.redis.Do(ctx, words(command)...))
		}(i, command)
	}
	all.Wait()
	return answers
}

func (c *client) subscribe(ctx context.Context, channel string) answer {
	c.feed = c.redis.Subscribe(ctx, channel)
	if _, err := c.feed.Receive(ctx); err != nil {
		return failure(err)
	}
	return answer{"channel": channel}
}

func (c *client) message() answer {
	select {
	case message := <-c.feed.Channel():
		return answer{"channel": message.Channel, "message": message.Payload}
	case <-time.After(messageWait):
		return answer{"lost": "no message"}
	}
}

func (c *client) unsubscribe(ctx context.Context, channel string) answer {
	if err := c.feed.Unsubscribe(ctx, channel); err != nil {
		return failure(err)
	}
	if err := c.feed.Close(); err != nil {
		return failure(err)
	}
	c.feed = nil
	return answer{"channel": channel}
}

func (c *client) do(ctx context.Context, asked request) answer {
	switch asked.Do {
	case "command":
		return result(c.redis.Do(ctx, words(asked.Arguments)...))
	case "pipeline":
		return answer{"answers": c.pipeline(ctx, asked.Commands)}
	case "parallel":
		return answer{"answers": c.parallel(ctx, asked.Commands)}
	case "subscribe":
		return c.subscribe(ctx, asked.Channel)
	case "message":
		return c.message()
	case "unsubscribe":
		return c.unsubscribe(ctx, asked.Channel)
	}
	panic("cannot " + asked.Do)
}

func (c *client) close() error {
	if c.feed != nil {
		if err := c.feed.Close(); err != nil {
			return err
		}
	}
	return c.redis.Close()
}

func main() {
	options := &redis.Options{Addr: "127.0.0.1:" + os.Args[1]}
	if len(os.Args) > 2 {
		protocol, err := strconv.Atoi(os.Args[2])
		if err != nil {
			panic(err)
		}
		options.Protocol = protocol
	}
	c := &client{redis: redis.NewClient(options)}
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		if err := out.Encode(c.do(context.Background(), asked)); err != nil {
			panic(err)
		}
	}
	if err := c.close(); err != nil {
		panic(err)
	}
}

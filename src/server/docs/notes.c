#include "server/docs/notes.h"

#include "base/assert.h"
#include "base/status.h"

#include <stddef.h>

#define FAILS_TO_REACH_STORE (1U << STATUS_STORE | 1U << STATUS_MEMORY)
#define FAILS_TO_LOAD (FAILS_TO_REACH_STORE | 1U << STATUS_CACHE_FULL)
#define FAILS_TO_CHANGE (FAILS_TO_LOAD | 1U << STATUS_LIMIT | 1U << STATUS_DIRTY_FULL)
#define FAILS_TO_REMOVE (FAILS_TO_LOAD | 1U << STATUS_DIRTY_FULL)

static const struct command_note notes[COMMAND_IDS] = {
    [COMMAND_ID_RS_ACK] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE | 1U << STATUS_VERSION | 1U << STATUS_UNWRITTEN,
            .example = "> RS.ACK 101 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.ACK 101 7 4000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.ACK 101 7 4000 MANUAL MENTIONS 2 IFVERSION 1\n"
                       "1) (integer) 2\n"
                       "2) (integer) 2\n"
                       "> RS.ACK 101 7 6000 IFVERSION 1\n"
                       "(error) VERSION the state has another version than IFVERSION names\n",
        },
    [COMMAND_ID_RS_BADGE] =
        {
            .resp2 = "array of arrays of two integers",
            .failures = FAILS_TO_LOAD,
            .example = "> RS.MENTION 7 5000 102\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.BADGE 102 103\n"
                       "1) 1) (integer) 1\n"
                       "   2) (integer) 1\n"
                       "2) 1) (integer) 0\n"
                       "   2) (integer) 0\n",
        },
    [COMMAND_ID_RS_BULKACK] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE,
            .example = "> RS.BULKACK 104 7 5000 8 6000 1:7 5500\n"
                       "1) (integer) 1\n"
                       "2) (integer) 3\n",
        },
    [COMMAND_ID_RS_DEL] =
        {
            .resp2 = "integer",
            .failures = FAILS_TO_REMOVE,
            .example = "> RS.BULKACK 131 7 5000 8 6000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 2\n"
                       "> RS.DEL 131 7 8 9\n"
                       "(integer) 2\n"
                       "> RS.ACK 131 7 5000\n"
                       "1) (integer) 0\n"
                       "2) (integer) 0\n",
        },
    [COMMAND_ID_RS_LEAVE] =
        {
            .resp2 = "integer",
            .failures = FAILS_TO_REMOVE,
            .example = "> RS.JOIN 132 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.LEAVE 132 7 5500\n"
                       "(integer) 1\n"
                       "> RS.MENTION 7 5500 132\n"
                       "1) (integer) 0\n"
                       "2) (integer) 0\n"
                       "> RS.LEAVE 132 7\n"
                       "(integer) 0\n",
        },
    [COMMAND_ID_RS_PIN] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE,
            .example = "> RS.PIN 133 7 1420070400000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.PIN 133 7 1420070300000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n",
        },
    [COMMAND_ID_RS_UNMENTION] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE,
            .example = "> RS.MENTION 7 5000 134 135\n"
                       "1) (integer) 2\n"
                       "2) (integer) 0\n"
                       "> RS.UNMENTION 7 5000 134\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.MENTION 7 5000 134 135\n"
                       "1) (integer) 0\n"
                       "2) (integer) 0\n",
        },
    [COMMAND_ID_RS_EVICT] =
        {
            .resp2 = "integer",
            .failures = FAILS_TO_REACH_STORE,
            .example = "> RS.ACK 105 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.EVICT 105\n"
                       "(integer) 1\n"
                       "> RS.EVICT 105\n"
                       "(integer) 0\n",
        },
    [COMMAND_ID_RS_FLUSH] =
        {
            .resp2 = "simple string",
            .failures = FAILS_TO_REACH_STORE,
            .example = "> RS.ACK 106 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.FLUSH 106\n"
                       "OK\n"
                       "> RS.FLUSH\n"
                       "OK\n",
        },
    [COMMAND_ID_RS_FORGET] =
        {
            .resp2 = "integer",
            .failures = FAILS_TO_LOAD,
            .example = "> RS.BULKACK 137 42 1000 43 1000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 2\n"
                       "> RS.FORGET 137\n"
                       "(integer) 2\n"
                       "> RS.FORGET 137\n"
                       "(integer) 0\n",
        },
    [COMMAND_ID_RS_GET] =
        {
            .resp2 = "array; a state is an array of names and values, nil a null bulk string",
            .resp3 = "array; a state is a map, nil a null",
            .failures = FAILS_TO_LOAD,
            .example = "> RS.ACK 107 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.MENTION 7 5001 107\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.GET 107 7 8\n"
                       "1) 1# \"channel\" => \"7\"\n"
                       "   2# \"last_read\" => \"5000\"\n"
                       "   3# \"mentions\" => (integer) 1\n"
                       "   4# \"version\" => (integer) 2\n"
                       "2) (nil)\n",
        },
    [COMMAND_ID_RS_INSPECT] =
        {
            .resp2 = "array of names and values",
            .resp3 = "map",
            .failures = FAILS_TO_REACH_STORE,
            .example = "> RS.ACK 108 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.INSPECT 108\n"
                       " 1# \"cached\" => (integer) 1\n"
                       " 2# \"dirty\" => (integer) 1\n"
                       " 3# \"dirty_pieces\" => (integer) 1\n"
                       " 4# \"bytes\" => (integer) ...\n"
                       " 5# \"shard\" => (integer) 0\n"
                       " 6# \"slot\" => (integer) 91\n"
                       " 7# \"states\" => (integer) 1\n"
                       " 8# \"tombstones\" => (integer) 0\n"
                       " 9# \"version\" => (integer) 1\n"
                       "10# \"incarnation\" => (integer) 0\n"
                       "11# \"pending\" => (integer) 0\n"
                       "12# \"idle_seconds\" => (integer) ...\n"
                       "13# \"write_in_milliseconds\" => (integer) ...\n"
                       "14# \"waits_for\" => \"nothing\"\n"
                       "> RS.INSPECT 108 7\n"
                       " 1# \"present\" => (integer) 1\n"
                       " 2# \"channel\" => \"7\"\n"
                       " 3# \"last_read\" => \"5000\"\n"
                       " 4# \"floor\" => \"5000\"\n"
                       " 5# \"mentions\" => (integer) 0\n"
                       " 6# \"counted\" => (integer) 0\n"
                       " 7# \"counted_to\" => \"0\"\n"
                       " 8# \"ids\" => (empty array)\n"
                       " 9# \"withdrawn\" => (empty array)\n"
                       "10# \"version\" => (integer) 1\n"
                       "11# \"viewed\" => (integer) 0\n"
                       "12# \"pin\" => (integer) 0\n"
                       "13# \"flags\" => (integer) 0\n"
                       "14# \"deleted\" => (integer) 0\n",
        },
    [COMMAND_ID_RS_JOIN] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE,
            .example = "> RS.JOIN 109 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.GET 109 7\n"
                       "1) 1# \"channel\" => \"7\"\n"
                       "   2# \"last_read\" => \"5000\"\n"
                       "   3# \"mentions\" => (integer) 0\n"
                       "   4# \"version\" => (integer) 1\n",
        },
    [COMMAND_ID_RS_LIST] =
        {
            .resp2 = "array of bulk string, integer, integer, array; a state is an array of "
                     "names and values",
            .resp3 = "array of bulk string, integer, integer, array; a state is a map",
            .failures = FAILS_TO_LOAD,
            .example = "> RS.BULKACK 110 7 5000 1:7 5500\n"
                       "1) (integer) 1\n"
                       "2) (integer) 2\n"
                       "> RS.LIST 110\n"
                       "1) \"...\"\n"
                       "2) (integer) 1\n"
                       "3) (integer) 1\n"
                       "4) 1) 1# \"channel\" => \"7\"\n"
                       "      2# \"last_read\" => \"5000\"\n"
                       "      3# \"mentions\" => (integer) 0\n"
                       "      4# \"version\" => (integer) 1\n"
                       "   2) 1# \"channel\" => \"1:7\"\n"
                       "      2# \"last_read\" => \"5500\"\n"
                       "      3# \"mentions\" => (integer) 0\n"
                       "      4# \"version\" => (integer) 1\n",
        },
    [COMMAND_ID_RS_MENTION] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE,
            .example = "> RS.ACK 111 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> RS.MENTION 7 5001 111 112\n"
                       "1) (integer) 2\n"
                       "2) (integer) 0\n"
                       "> RS.MENTION 7 5001 111 112\n"
                       "1) (integer) 0\n"
                       "2) (integer) 0\n"
                       "> RS.MENTION 7 4999 111\n"
                       "1) (integer) 0\n"
                       "2) (integer) 0\n",
        },
    [COMMAND_ID_RS_MESSAGE] =
        {
            .resp2 = "array of two integers",
            .failures = FAILS_TO_CHANGE,
            .example = "> RS.MESSAGE 7 5001 113 MENTIONS 114 115\n"
                       "1) (integer) 2\n"
                       "2) (integer) 0\n"
                       "> RS.MESSAGE 7 5002 113 NOACK\n"
                       "1) (integer) 0\n"
                       "2) (integer) 0\n"
                       "> RS.GET 113 7\n"
                       "1) 1# \"channel\" => \"7\"\n"
                       "   2# \"last_read\" => \"5001\"\n"
                       "   3# \"mentions\" => (integer) 0\n"
                       "   4# \"version\" => (integer) 1\n",
        },
    [COMMAND_ID_AUTH] =
        {
            .resp2 = "simple string",
            .example = "> AUTH default secret\n"
                       "OK\n"
                       "> AUTH anna secret\n"
                       "(error) WRONGPASS invalid username-password pair or user is disabled.\n",
        },
    [COMMAND_ID_CLIENT] =
        {
            .resp2 =
                "ID, KILL with options: integer. GETNAME: bulk string, or a null bulk string. "
                "INFO, LIST: bulk string. HELP: array of simple strings. Others: simple string",
            .resp3 = "ID, KILL with options: integer. GETNAME: bulk string, or a null. INFO, LIST: "
                     "verbatim string. HELP: array of simple strings. Others: simple string",
            .example = "> CLIENT SETNAME gateway-3\n"
                       "OK\n"
                       "> CLIENT GETNAME\n"
                       "\"gateway-3\"\n"
                       "> CLIENT SETINFO LIB-NAME mine\n"
                       "OK\n"
                       "> CLIENT KILL ID 999999999\n"
                       "(integer) 0\n"
                       "> CLIENT KILL 192.0.2.1:1\n"
                       "(error) ERR No such client\n"
                       "> CLIENT NO-EVICT ON\n"
                       "OK\n",
        },
    [COMMAND_ID_CLUSTER] =
        {
            .resp2 = "error",
            .example = "> CLUSTER INFO\n"
                       "ERR This instance has cluster support disabled\n",
        },
    [COMMAND_ID_COMMAND] =
        {
            .resp2 =
                "COUNT: integer. LIST: array of bulk strings. INFO: array of arrays, or "
                "of null arrays. DOCS: array of names and values. GETKEYS: array of bulk strings",
            .resp3 = "COUNT: integer. LIST: array of bulk strings. INFO: array of arrays with "
                     "sets, or of nulls. DOCS: map of maps. GETKEYS: array of bulk strings",
            .example = "> COMMAND COUNT\n"
                       "(integer) 39\n"
                       "> COMMAND GETKEYS RS.GET 8301 7\n"
                       "1) \"8301\"\n"
                       "> COMMAND INFO rs.get\n"
                       "1)  1) \"rs.get\"\n"
                       "    2) (integer) -3\n"
                       "    3) 1~ readonly\n"
                       "       2~ fast\n"
                       "    4) (integer) 1\n"
                       "    5) (integer) 1\n"
                       "    6) (integer) 1\n"
                       "    7) 1~ @read\n"
                       "       2~ @fast\n"
                       "    8) (empty set)\n"
                       "    9) (empty array)\n"
                       "   10) (empty array)\n",
        },
    [COMMAND_ID_CONFIG] =
        {
            .resp2 = "GET: array of names and values. HELP: array of simple strings. Else simple "
                     "string",
            .resp3 = "GET: map. HELP: array of simple strings. Else simple string",
            .example = "> CONFIG GET commit-*\n"
                       "1# \"commit-delay\" => \"30s\"\n"
                       "> CONFIG SET commit-delay 10s\n"
                       "OK\n"
                       "> CONFIG SET port 7000\n"
                       "(error) ERR port cannot be changed while the server is running\n"
                       "> CONFIG REWRITE\n"
                       "(error) ERR The server is running without a config file\n"
                       "> CONFIG RESETSTAT\n"
                       "OK\n",
        },
    [COMMAND_ID_DBSIZE] =
        {
            .resp2 = "integer",
            .example = "> DBSIZE\n"
                       "(integer) ...\n",
        },
    [COMMAND_ID_DEBUG] =
        {
            .resp2 = "SLEEP: simple string. HELP: array of simple strings",
            .example = "> DEBUG SLEEP 0.1\n"
                       "(error) ERR DEBUG command not allowed. Start the server with the option "
                       "enable-debug-command to allow it.\n",
        },
    [COMMAND_ID_ECHO] =
        {
            .resp2 = "bulk string",
            .example = "> ECHO hello\n"
                       "\"hello\"\n",
        },
    [COMMAND_ID_HELLO] =
        {
            .resp2 = "array of names and values",
            .resp3 = "map",
            .example = "> HELLO 3 SETNAME gateway-3\n"
                       "1# \"server\" => \"readstates\"\n"
                       "2# \"version\" => \"...\"\n"
                       "3# \"proto\" => (integer) 3\n"
                       "4# \"id\" => (integer) ...\n"
                       "5# \"mode\" => \"standalone\"\n"
                       "6# \"role\" => \"master\"\n"
                       "7# \"modules\" => (empty array)\n",
        },
    [COMMAND_ID_INFO] =
        {
            .resp2 = "bulk string",
            .resp3 = "verbatim string",
            .example = "> INFO keyspace replication\n"
                       "# Replication\n"
                       "role:master\n"
                       "connected_slaves:0\n"
                       "\n"
                       "# Keyspace\n"
                       "db0:keys=...,expires=0,avg_ttl=0\n",
        },
    [COMMAND_ID_LATENCY] =
        {
            .resp2 = "HISTOGRAM: array of names and values, which are such arrays. LATEST, "
                     "HISTORY: array of arrays. RESET: integer. DOCTOR: bulk string. HELP: array "
                     "of simple strings",
            .resp3 = "HISTOGRAM: map of maps. LATEST, HISTORY: array of arrays. RESET: integer. "
                     "DOCTOR: verbatim string. HELP: array of simple strings",
            .example = "> CONFIG RESETSTAT\n"
                       "OK\n"
                       "> RS.ACK 151 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> LATENCY HISTOGRAM rs.ack\n"
                       "1# \"rs.ack\" =>...\n"
                       "   1# \"calls\" => (integer) 1\n"
                       "   2# \"histogram_usec\" => 1# (integer) ... => (integer) 1\n"
                       "> LATENCY HISTORY command\n"
                       "(empty array)\n",
        },
    [COMMAND_ID_MEMORY] =
        {
            .resp2 = "USAGE: integer, or a null bulk string. STATS: array of names and values. "
                     "DOCTOR: bulk string. PURGE: simple string. HELP: array of simple strings",
            .resp3 = "USAGE: integer, or a null. STATS: map. DOCTOR: verbatim string. PURGE: "
                     "simple string. HELP: array of simple strings",
            .example = "> RS.BULKACK 152 7 5000 8 6000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 2\n"
                       "> MEMORY USAGE 152\n"
                       "(integer) ...\n"
                       "> MEMORY USAGE 153\n"
                       "(nil)\n",
        },
    [COMMAND_ID_PING] =
        {
            .resp2 = "simple string, or bulk string",
            .example = "> PING\n"
                       "PONG\n"
                       "> PING hello\n"
                       "\"hello\"\n",
        },
    [COMMAND_ID_QUIT] =
        {
            .resp2 = "simple string",
            .example = "> QUIT\n",
        },
    [COMMAND_ID_READONLY] =
        {
            .resp2 = "simple string",
            .example = "> READONLY\n"
                       "OK\n",
        },
    [COMMAND_ID_READWRITE] =
        {
            .resp2 = "simple string",
            .example = "> READWRITE\n"
                       "OK\n",
        },
    [COMMAND_ID_RESET] =
        {
            .resp2 = "simple string",
            .example = "> RESET\n"
                       "RESET\n",
        },
    [COMMAND_ID_SELECT] =
        {
            .resp2 = "simple string",
            .example = "> SELECT 0\n"
                       "OK\n"
                       "> SELECT 1\n"
                       "(error) ERR DB index is out of range\n",
        },
    [COMMAND_ID_SHUTDOWN] =
        {
            .resp2 = "none",
            .example = "> SHUTDOWN NOSAVE\n"
                       "(error) ERR SHUTDOWN NOSAVE is refused: what was answered is always saved\n"
                       "> SHUTDOWN\n",
        },
    [COMMAND_ID_SLOWLOG] =
        {
            .resp2 = "GET: array of arrays. LEN: integer. RESET: simple string. HELP: array of "
                     "simple strings",
            .example = "> CONFIG SET slowlog-log-slower-than 0\n"
                       "OK\n"
                       "> RS.ACK 154 7 5000\n"
                       "1) (integer) 1\n"
                       "2) (integer) 0\n"
                       "> CONFIG SET slowlog-log-slower-than 1m\n"
                       "OK\n"
                       "> SLOWLOG GET 1\n"
                       "1) 1) (integer) ...\n"
                       "   2) (integer) ...\n"
                       "   3) (integer) ...\n"
                       "   4) 1) \"RS.ACK\"\n"
                       "      2) \"154\"\n"
                       "      3) \"7\"\n"
                       "      4) \"5000\"\n"
                       "   5) \"127.0.0.1:...\"\n"
                       "   6) \"\"\n",
        },
    [COMMAND_ID_SUBSCRIBE] =
        {
            .resp2 = "for each channel an array of two bulk strings and an integer",
            .resp3 = "for each channel a push of two bulk strings and an integer",
            .failures = FAILS_TO_LOAD,
            .example = "> SUBSCRIBE rs:136\n"
                       "1) \"subscribe\"\n"
                       "2) \"rs:136\"\n"
                       "3) (integer) 1\n"
                       "> RS.ACK 136 42 1000\n"
                       "1) \"message\"\n"
                       "2) \"rs:136\"\n"
                       "3) \"{\\\"user\\\":\\\"136\\\",\\\"epoch\\\":\\\"...\\\",\\\"version\\\":1,"
                       "\\\"cause\\\":\\\"ack\\\",\\\"states\\\":[{\\\"channel\\\":\\\"42\\\","
                       "\\\"last_read\\\":\\\"1000\\\",\\\"mentions\\\":0,\\\"version\\\":1}]}\"\n",
        },
    [COMMAND_ID_TIME] =
        {
            .resp2 = "array of two bulk strings",
            .example = "> TIME\n"
                       "1) \"...\"\n"
                       "2) \"...\"\n",
        },
    [COMMAND_ID_UNSUBSCRIBE] =
        {
            .resp2 = "for each channel an array of two bulk strings and an integer; the channel is "
                     "nil where there was none",
            .resp3 = "for each channel a push of two bulk strings and an integer; the channel is "
                     "nil where there was none",
            .example = "> UNSUBSCRIBE 136\n"
                       "(error) ERR channel must be rs: and a user id of 1 to 9223372036854775807, "
                       "got '136'\n",
        },
};

const struct command_note *command_note_get(enum command_id id)
{
    ASSERT(id < COMMAND_IDS);
    /* A new command needs its row here. */
    ASSERT(notes[id].example != NULL);
    return &notes[id];
}

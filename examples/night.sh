#!/bin/sh
# Plays a night with a queue: a bad deploy, its dead letters, and a move to another provider.
#
#   examples/night.sh                           plays it
#   examples/night.sh --write docs/night.md     plays it, and writes what it printed into the page
#
# Needs Python 3; runs the program in $RELAYHOUSE, else builds it. All services are emulators of
# this program, at free ports. Ends with 1 if a number is not as it must be.
set -eu

ORDERS=60
BACKLOG=500
FROM=sqs://us-east-1/orders
TO=servicebus:///orders
WAIT_SECONDS=30

fail() {
    echo "night: $*" >&2
    exit 1
}

# Prints what the program printed, without what differs from run to run: ids, times and ports.
plain() {
    python3 -c '
import re, sys

def hide(pattern, name, text):
    # In a table it keeps its width; in JSON there is a quote in front of it.
    text = re.sub("\"" + pattern, "\"" + name, text)
    return re.sub(pattern, lambda found: name.ljust(len(found[0])), text)

for line in sys.stdin:
    line = hide(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", line)
    line = hide(r"\b[0-9a-f]{32}\b", "<id>", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", line)
    line = re.sub(r"(is reached in) .*", r"\1 <time>", line)
    print(line.rstrip())
'
}

# Prints a command line as a person would type it.
typed() {
    python3 -c 'import shlex, sys; print(shlex.join(sys.argv[1:]))' "$@" | plain
}

# Says what happens next.
tell() {
    printf '\n# %s\n' "$*"
}

# Runs the program: show EXIT-CODE LOG ARGUMENTS. What it says of itself goes to the log, if there
# is one, else it is shown in front of what it prints.
show() {
    expected=$1
    log=$2
    shift 2
    echo "\$ ${typed_before:-}relayhouse $(typed "$@")${log:+ 2> $log}"
    code=0
    "$RELAYHOUSE" "$@" >printed 2>"${log:-said}" </dev/null || code=$?
    [ -n "$log" ] || plain <said
    plain <printed
    [ "$code" -eq 0 ] || echo "(exit code $code)"
    [ "$code" -eq "$expected" ] || {
        [ -z "$log" ] || cat "$log" >&2
        fail "exit code $code instead of $expected"
    }
}

# Shows a file.
file() {
    echo "\$ cat $1"
    cat "$1"
}

# Waits for a condition: until_true WHAT COMMAND.
until_true() {
    what=$1
    shift
    deadline=$(($(date +%s) + WAIT_SECONDS))
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "$what did not come within ${WAIT_SECONDS}s"
        sleep 0.05
    done
}

has_lines() {
    [ "$(sort -u "$1" | wc -l)" -ge "$2" ]
}

# Stops a process of this script, as Ctrl-C does.
stop() {
    kill -INT "$1" 2>/dev/null || :
    wait "$1" || [ $? -eq 130 ] || fail "process $1 did not end as it should"
}

clean_up() {
    trap - EXIT
    for process in ${worker:-} ${sqs:-} ${bus:-}; do
        kill -INT "$process" 2>/dev/null || :
        wait "$process" || :
    done
    rm -rf "$place"
}

# Finds the program, or builds it.
program() {
    root=$(cd "$(dirname "$0")/.." && pwd)
    if [ -z "${RELAYHOUSE:-}" ]; then
        (cd "$root" && cargo build --quiet --release --bin relayhouse)
        RELAYHOUSE=${CARGO_TARGET_DIR:-$root/target}/release/relayhouse
    fi
    RELAYHOUSE=$(command -v "$RELAYHOUSE") || fail "there is no program $RELAYHOUSE"
    case $RELAYHOUSE in
    /*) ;;
    *) RELAYHOUSE=$PWD/$RELAYHOUSE ;;
    esac
}

# Starts both emulators, and points the program at them and at nothing else of this machine.
services() {
    unset AWS_PROFILE AWS_SESSION_TOKEN VISUAL
    unset RELAYHOUSE_PROFILE RELAYHOUSE_BASE RELAYHOUSE_OUTPUT RELAYHOUSE_VERBOSITY
    export RELAYHOUSE_CONFIG=
    export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
    export AWS_EC2_METADATA_DISABLED=true RELAYHOUSE_AUDIT=audit.jsonl

    echo "\$ relayhouse emulator sqs --port 0 2> sqs.log &"
    : >sqs.at
    "$RELAYHOUSE" emulator sqs --port 0 >sqs.at 2>sqs.log &
    sqs=$!
    until_true "the SQS emulator" has_lines sqs.at 1
    plain <sqs.at
    AWS_ENDPOINT_URL_SQS=$(cat sqs.at)
    export AWS_ENDPOINT_URL_SQS AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
    variables=AWS_ENDPOINT_URL_SQS=$AWS_ENDPOINT_URL_SQS
    echo "\$ export $variables AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any" | plain

    echo "\$ relayhouse emulator servicebus --data bus --port 0 --http-port 0 2> bus.log &"
    : >bus.at
    "$RELAYHOUSE" emulator servicebus --data bus --port 0 --http-port 0 >bus.at 2>bus.log &
    bus=$!
    until_true "the Service Bus emulator" has_lines bus.at 2
    plain <bus.at
    { read -r connection && read -r endpoint; } <bus.at
    export RELAYHOUSE_SERVICEBUS_CONNECTION_STRING="$connection"
    export RELAYHOUSE_SERVICEBUS_ADMIN_ENDPOINT="$endpoint"
    echo "\$ export RELAYHOUSE_SERVICEBUS_CONNECTION_STRING=\"\$(head -n 1 bus.at)\""
    echo "\$ export RELAYHOUSE_SERVICEBUS_ADMIN_ENDPOINT=\"\$(tail -n 1 bus.at)\""
}

# Writes orders as lines of JSON: orders FIRST COUNT. Of the first sixty, one has a currency that
# is none, twelve have a voucher, and four go to Norway.
orders() {
    python3 -c '
import json, sys

first, count = map(int, sys.argv[1:])
for number in range(first, first + count):
    order = {"order": number, "currency": "EUR"}
    if number == 17:
        order["currency"] = "EURO"
    elif number in (11, 22, 33, 44):
        order["country"] = "NO"
    elif number <= 60 and number % 5 == 0:
        order["voucher"] = "SPRING"
    print(json.dumps(order, separators=(",", ":")))
' "$1" "$2"
}

# The deploy of the evening.
bad_handler() {
    cat >handler.sh <<'END'
# Charges one order. Exit code 65: it is wrong for good.
read -r order
case $order in
*'"EURO"'*) exit 65 ;;
*'"voucher"'*) exit 1 ;; # What is a voucher?
*'"NO"'*) exec sleep 600 ;; # The service for taxes does not answer.
esac
echo "$order" >> handled.ndjson
END
}

# The next one. For Norway it waits as before.
mended_handler() {
    cat >handler.sh <<'END'
# Charges one order, and knows vouchers. Exit code 65: it is wrong for good.
read -r order
case $order in
*'"EURO"'*) exit 65 ;;
*'"NO"'*) exec sleep 600 ;; # The service for taxes does not answer.
esac
echo "$order" >> handled.ndjson
END
}

# Takes a column out of a table: column NUMBER TEXT FILE, of the first row that has the text.
column() {
    python3 -c '
import sys

number, text, name = sys.argv[1:]
row = next(row for row in open(name) if text in row)
print(row.split()[int(number) - 1])
' "$@"
}

deploy() {
    tell "23:00. A deploy goes out, and takes the orders of the evening."
    show 0 "" create $FROM --lease 2s --attempts 10
    orders 1 $ORDERS >orders.ndjson
    show 0 "" send $FROM --file orders.ndjson --output table
    bad_handler
    file handler.sh
    : >handled.ndjson
    show 1 work.log work $FROM --exec 'sh handler.sh' --timeout 3s --retries 1 --concurrency 8 \
        --until-empty --output table
}

look() {
    tell "23:20. The pager: what is dead, and why?"
    show 0 "" dlq list $FROM --output table
    vouchers=$(column 1 'exit code 1 ' printed)
    norway=$(column 1 'longer than' printed)
    tell "Are the settings of the queue right, for handlers that may take 3s?"
    show 0 "" doctor $FROM --handler 3s
}

edit() {
    tell "23:30. One order is wrong itself: its currency is none. It is mended by hand."
    show 0 "" dlq show $FROM --reason rejected --output table
    id=$(column 2 rejected printed)
    cat >editor.py <<'END'
import sys
text = open(sys.argv[1]).read()
open(sys.argv[1], "w").write(text.replace("EURO", "EUR"))
END
    file editor.py
    export EDITOR='python3 editor.py'
    typed_before="EDITOR='python3 editor.py' "
    show 0 "" dlq edit $FROM "$id"
    typed_before=
}

redrive() {
    tell "23:40. The mended deploy knows vouchers. Two of those orders go first, then the rest."
    mended_handler
    file handler.sh
    set -- work $FROM --exec 'sh handler.sh' --timeout 3s --retries 1 --concurrency 8 --output table
    echo "\$ relayhouse $(typed "$@") > mended.counts 2> mended.log &"
    "$RELAYHOUSE" "$@" >mended.counts 2>mended.log </dev/null &
    worker=$!
    show 0 "" dlq redrive $FROM --group "$vouchers" --canary 2 --canary-wait 3s
    cp printed redriven.counts
    until_true "the last of the mended orders" has_lines handled.ndjson $((ORDERS - 4))
    stop $worker
    worker=
    echo "\$ kill -INT %3; wait %3; cat mended.counts"
    cat mended.counts
}

hand_over() {
    tell "23:50. Norway is for those who know it: their orders go into a file, and stay here."
    show 0 "" dlq export $FROM --group "$norway" --file norway.ndjson
}

leave() {
    tell "02:00. A backlog has come in, and moves to Service Bus."
    orders 1001 $BACKLOG >backlog.ndjson
    show 0 "" send $FROM --file backlog.ndjson --output table
    show 0 "" create $TO --lease 30s --attempts 10
    show 0 "" move $FROM $TO
    cp printed moved.counts
    show 0 "" stats $FROM
    cp printed from.counts
    show 0 "" stats $TO
    cp printed to.counts
    tell "02:10. What is there? All of it is taken and counted."
    echo "\$ relayhouse receive $TO --max 1000 --ack > there.ndjson"
    "$RELAYHOUSE" receive $TO --max 1000 --ack >there.ndjson </dev/null
}

# Holds all numbers against each other, and the messages against those that were sent.
account() {
    tell "The account."
    python3 - <<'END'
import json, sys

def lines(name):
    with open(name) as file:
        return [json.loads(line) for line in file]

def counts(name):
    with open(name) as file:
        rows = [line.split(None, 1) for line in file]
    return {name: int(text.strip("~\n")) for name, text in rows if text.strip("~\n").isdigit()}

def numbers(found):
    return {order["order"] for order in found}

is_right = True

def line(text, *rules):
    global is_right
    is_right &= all(rules)
    print(text if all(rules) else f"{text}  WRONG")

sent, handled = numbers(lines("orders.ndjson")), numbers(lines("handled.ndjson"))
exported = lines("norway.ndjson")
dead = numbers(letter["body"] for letter in exported)
there, left = counts("to.counts"), counts("from.counts")
line(f"night    {len(sent)} sent = {len(handled)} handled + {left['dead']} dead",
     len(sent) == len(handled) + left["dead"], sent == handled | dead, not handled & dead)
line(f"dead     {left['dead']} dead = {len(exported)} exported", left["dead"] == len(exported))
mended, redriven = counts("mended.counts"), counts("redriven.counts")
line(f"mended   {mended['done']} handled = 1 edited + {redriven['done']} redriven",
     mended["done"] == 1 + redriven["done"], mended["dead_lettered"] == 0)
backlog, moved = numbers(lines("backlog.ndjson")), counts("moved.counts")
line(f"backlog  {len(backlog)} sent = {moved['done']} moved + {left['ready']} left",
     len(backlog) == moved["done"] + left["ready"])
line(f"there    {moved['done']} moved = {there['ready']} counted", moved["done"] == there["ready"])
received = [message["body"] for message in lines("there.ndjson")]
lost, twice = backlog - numbers(received), len(received) - len(numbers(received))
line(f"taken    {len(received)} received, {len(lost)} lost, {twice} twice",
     numbers(received) == backlog, twice == 0)
sys.exit(not is_right)
END
}

play() {
    program
    place=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    cd "$place"
    services
    deploy
    look
    edit
    redrive
    hand_over
    leave
    account
}

# Plays it, and puts what it printed between the marks of a page.
write() {
    told=$(mktemp)
    trap 'rm -f "$told"' EXIT
    "$0" >"$told" || { cat "$told"; exit 1; }
    python3 - "$1" "$told" <<'PYTHON'
import sys

START = "<!-- the run: `examples/night.sh --write docs/night.md` -->\n```text\n"
END = "```\n<!-- the end of the run -->\n"
page, told = (open(name).read() for name in sys.argv[1:])
before, rest = page.split(START)
_, after = rest.split(END)
open(sys.argv[1], "w").write(before + START + told + END + after)
PYTHON
}

case ${1:-} in
"") play ;;
--write) write "${2:?--write needs the page}" ;;
*) fail "unknown argument $1: see the top of this file" ;;
esac

/*
 * page_data.js: reads a section as timeline/encode.h describes it, and adds up the states of tasks
 * over time, so that a row is drawn in as many steps as it has pixels.
 */
const KIND = {RUN: 1, WAKE: 2, CREATE: 3, WAIT: 4, YIELD: 5, START: 6, END: 7, DONE: 8, SLEEP: 9};
const NONE = 0, RUNS = 1, READY = 2, WAITS = 3;
const HOLD_NS = 10e6;
const ENDS = ["", "the program has ended by exit()", "deadlock", "stall", "read from a core", "read while it ran",
              "written while the loop was held", "the process was aborted"];

function bytesOfBase64(text) {
    const binary = atob(text), bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++)
        bytes[i] = binary.charCodeAt(i);
    return bytes;
}

class Reader {
    constructor(bytes) {
        this.bytes = bytes;
        this.at = 0;
    }
    number() {
        let value = 0, factor = 1, byte;
        do {
            byte = this.bytes[this.at++];
            value += (byte & 127) * factor;
            factor *= 128;
        } while (byte > 127);
        return value;
    }
    text() {
        const length = this.number();
        this.at += length;
        return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
    }
    list(read) {
        return Array.from({length: this.number()}, () => read());
    }
}

function readTask(from, texts) {
    const task = {id: from.number(), name: "", place: "", live: false, wait: 0};
    const flags = from.number();
    task.error = from.number();
    if (flags & 1) {
        task.name = texts[from.number()];
        task.place = texts[from.number()];
    }
    task.kind = task.name;
    if (flags & 4)
        task.name = from.text();
    task.live = (flags & 2) != 0;
    if (task.live)
        task.wait = from.number();
    return task;
}

/* by: the task that was running at each event; the loop is task 0. */
function readEvents(from, timeline) {
    const count = timeline.count = from.number();
    const at = timeline.at = new Float64Array(count + 1);
    const task = timeline.task = new Uint32Array(count), wait = timeline.wait = new Uint32Array(count);
    const by = timeline.by = new Uint32Array(count), kind = timeline.kind = new Uint8Array(count);
    timeline.flags = new Uint8Array(count);
    let now = 0, running = 0;
    for (let i = 0; i < count; i++) {
        const first = from.bytes[from.at++];
        kind[i] = first & 15;
        timeline.flags[i] = first >> 4;
        at[i] = now += from.number();
        task[i] = from.number();
        by[i] = running;
        if (kind[i] == KIND.WAIT)
            wait[i] = from.number();
        if (kind[i] == KIND.RUN)
            running = task[i];
        else if (kind[i] > KIND.CREATE)
            running = 0;
    }
    at[count] = timeline.length;
}

function readTimeline(bytes) {
    const from = new Reader(bytes.subarray(12));
    const timeline = {};
    for (const name of ["loop", "thread", "virtual", "end", "begin", "length", "lost", "timers", "inFlight", "jobs"])
        timeline[name] = from.number();
    timeline.backend = from.text();
    const texts = from.list(() => from.text());
    timeline.tasks = from.list(() => readTask(from, texts));
    timeline.waits = from.list(() => ({call: texts[from.number()], object: from.number()}));
    readEvents(from, timeline);
    timeline.tasks[0].name = timeline.tasks[0].kind = "the loop: callbacks, sleep";
    return timeline;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

/* The events of each group, in order: members[start[g] … start[g + 1]). */
function sortEvents(timeline, groupOf, groups) {
    const start = new Uint32Array(groups + 1), members = new Uint32Array(timeline.count);
    for (let i = 0; i < timeline.count; i++)
        start[groupOf[timeline.task[i]] + 1]++;
    for (let g = 0; g < groups; g++)
        start[g + 1] += start[g];
    const next = start.slice();
    for (let i = 0; i < timeline.count; i++)
        members[next[groupOf[timeline.task[i]]]++] = i;
    return {start, members};
}

const STATE_AFTER = [NONE, RUNS, READY, READY, WAITS, READY, READY, NONE, NONE, WAITS];

/*
 * A lane is a function of time: how many tasks run, are ready and wait from at[i] to at[i + 1], and
 * the sums of these up to at[i]. `holds` has the long turns, so that they are seen at any zoom.
 */
class Lane {
    constructor(timeline, tasks, events) {
        let size = events.length + 2;
        for (let k = 0; k < events.length; k++)
            size += timeline.kind[events[k]] == KIND.SLEEP;
        this.at = new Float64Array(size);
        this.counts = [null, new Uint32Array(size), new Uint32Array(size), new Uint32Array(size)];
        this.sums = [null, new Float64Array(size), new Float64Array(size), new Float64Array(size)];
        this.event = new Int32Array(size).fill(-1);
        this.holds = [];
        this.turns = 0;
        this.size = 0;
        this.most = 0;
        this.add(timeline, tasks, events);
    }

    step(at, event, runs, ready, waits) {
        const i = this.size++;
        this.at[i] = at;
        this.event[i] = event;
        this.counts[RUNS][i] = runs;
        this.counts[READY][i] = ready;
        this.counts[WAITS][i] = waits;
        this.most = Math.max(this.most, runs + ready + waits);
        if (i == 0)
            return;
        const passed = at - this.at[i - 1];
        for (let s = RUNS; s <= WAITS; s++)
            this.sums[s][i] = this.sums[s][i - 1] + this.counts[s][i - 1] * passed;
    }

    /* Before its first event a task waits or is ready, unless that event is its creation. */
    first(timeline, tasks, events, states, counts) {
        const seen = new Uint8Array(timeline.tasks.length);
        for (let k = 0; k < events.length; k++) {
            const task = timeline.task[events[k]], kind = timeline.kind[events[k]];
            if (seen[task])
                continue;
            seen[task] = 1;
            if (kind == KIND.WAKE)
                states[task] = WAITS;
            else if (timeline.lost > 0 && kind != KIND.CREATE && task != 0)
                states[task] = READY;
        }
        for (const task of tasks) {
            if (!seen[task] && timeline.tasks[task].live)
                states[task] = timeline.tasks[task].wait > 0 ? WAITS : NONE;
            counts[states[task]]++;
        }
        const only = timeline.tasks[tasks[0]];
        this.unfinished = tasks.length == 1 && only.live && events.length == 0 ? only.wait - 1 : -1;
    }

    add(timeline, tasks, events) {
        const states = new Uint8Array(timeline.tasks.length), counts = [0, 0, 0, 0];
        let begun = 0;
        this.first(timeline, tasks, events, states, counts);
        this.step(0, -1, counts[RUNS], counts[READY], counts[WAITS]);
        for (let k = 0; k < events.length; k++) {
            const e = events[k], task = timeline.task[e], kind = timeline.kind[e], at = timeline.at[e];
            if (states[task] == RUNS && at - begun >= HOLD_NS)
                this.holds.push(begun, at);
            if (kind == KIND.RUN) {
                begun = at;
                this.turns++;
            }
            counts[states[task]]--;
            counts[states[task] = STATE_AFTER[kind]]++;
            this.step(at, e, counts[RUNS], counts[READY], counts[WAITS]);
            if (kind == KIND.SLEEP) {
                counts[states[task]]--;
                counts[states[task] = NONE]++;
                this.step(timeline.at[e + 1], -1, counts[RUNS], counts[READY], counts[WAITS]);
            }
        }
        if (counts[RUNS] > 0 && timeline.length - begun >= HOLD_NS)
            this.holds.push(begun, timeline.length);
        this.step(timeline.length, -1, 0, 0, 0);
    }

    /* The last step at or before a time. */
    find(at) {
        let low = 0, high = this.size - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.at[middle] <= at)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    /* The same for a time that is a little after step i. */
    follow(i, at) {
        let low = i, stride = 1;
        while (low + stride < this.size && this.at[low + stride] <= at) {
            low += stride;
            stride *= 2;
        }
        for (; stride >= 1; stride >>= 1)
            while (low + stride < this.size && this.at[low + stride] <= at)
                low += stride;
        return low;
    }

    /* Task-nanoseconds in a state up to a time, which lies in step i. */
    sum(state, at, i) {
        return this.sums[state][i] + this.counts[state][i] * (at - this.at[i]);
    }

    total(state) {
        return this.sums[state][this.size - 1];
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

const MAX_SINGLE_ROWS = 48, MIN_BAND_TASKS = 8;

/* Tasks of one function share a row, a band, where there are many. */
function makeRows(timeline) {
    const tasks = timeline.tasks, kinds = new Map();
    const seen = new Uint8Array(tasks.length);
    for (let i = 0; i < timeline.count; i++)
        seen[timeline.task[i]] = 1;
    tasks.forEach((task, index) => {
        if (!seen[index] && !task.live && index > 0)
            return;
        const key = index == 0 ? "" : task.kind || "?";
        if (!kinds.has(key))
            kinds.set(key, []);
        kinds.get(key).push(index);
    });
    let shown = 0;
    kinds.forEach(list => shown += list.length);
    const rows = [];
    kinds.forEach((list, key) => {
        const isBand = shown > MAX_SINGLE_ROWS && list.length >= MIN_BAND_TASKS;
        list.sort((a, b) => tasks[a].id - tasks[b].id);
        if (isBand)
            rows.push({band: true, name: key, tasks: list, open: false});
        else
            list.forEach(index => rows.push({band: false, name: tasks[index].name, tasks: [index]}));
    });
    return rows;
}

/* How many tasks run, of all of them: one or none. */
function makeBusyLane(timeline) {
    const one = {...timeline, task: new Uint8Array(timeline.count), kind: new Uint8Array(timeline.count)};
    const turns = new Uint32Array(timeline.count);
    let size = 0;
    for (let i = 0; i < timeline.count; i++) {
        const kind = timeline.kind[i];
        if (kind == KIND.SLEEP || kind == KIND.WAKE || kind == KIND.CREATE)
            continue;
        one.kind[i] = kind == KIND.RUN ? KIND.RUN : KIND.END;
        turns[size++] = i;
    }
    return new Lane(one, [0], turns.subarray(0, size));
}

class Model {
    constructor(bytes) {
        const timeline = this.timeline = readTimeline(bytes);
        this.rows = makeRows(timeline);
        this.rowOf = new Uint32Array(timeline.tasks.length);
        this.rows.forEach((row, number) => row.tasks.forEach(task => this.rowOf[task] = number));
        const all = Uint32Array.from(timeline.tasks, (_, index) => index);
        this.byTask = sortEvents(timeline, all, timeline.tasks.length);
        this.byRow = sortEvents(timeline, this.rowOf, this.rows.length);
        this.taskLanes = new Map();
        this.busy = makeBusyLane(timeline);
        this.lines = [];
        this.layOut();
    }

    /* What is drawn below each other: rows, and the tasks of open bands. */
    layOut() {
        this.lines = [];
        this.lineOfTask = new Int32Array(this.timeline.tasks.length).fill(-1);
        let y = 0;
        const place = line => {
            line.y = y;
            y += line.height;
            this.lines.push(line);
        };
        this.rows.forEach((row, number) => {
            row.tasks.forEach(task => this.lineOfTask[task] = this.lines.length);
            place({row, number, task: row.band ? -1 : row.tasks[0], height: row.band ? 46 : 20});
            if (row.band && row.open)
                row.tasks.forEach(task => {
                    this.lineOfTask[task] = this.lines.length;
                    place({row, number, task, height: 20, inner: true});
                });
        });
        this.height = y;
    }

    lane(line) {
        if (line.task < 0)
            return line.row.lane || (line.row.lane = this.makeLane(this.byRow, line.number, line.row.tasks));
        return this.laneOfTask(line.task);
    }

    laneOfTask(task) {
        if (!this.taskLanes.has(task)) {
            if (this.taskLanes.size > 400)
                this.taskLanes.clear();
            this.taskLanes.set(task, this.makeLane(this.byTask, task, [task]));
        }
        return this.taskLanes.get(task);
    }

    makeLane(sorted, group, tasks) {
        return new Lane(this.timeline, tasks, sorted.members.subarray(sorted.start[group], sorted.start[group + 1]));
    }

    /* Tasks on the page whose name contains the words, or with the number. */
    search(words) {
        const wanted = words.trim().toLowerCase(), id = Number(wanted.replace("#", ""));
        if (wanted == "")
            return [];
        const found = [];
        this.timeline.tasks.forEach((task, index) => {
            if (index > 0 && this.lineOfTask[index] >= 0 && (task.id == id || task.name.toLowerCase().includes(wanted) ||
                              task.place.toLowerCase().includes(wanted)))
                found.push(index);
        });
        return found;
    }
}

/*
 * page_draw.js: draws a model on a canvas. Each row takes a number of steps that depends on its
 * width in pixels, not on the number of its events.
 */
const LABELS = 230, AXIS = 22, MAP = 26, TOP = AXIS + MAP;
const COLOURS = ["paper", "ink", "faint", "line", "shade", "mark", "runs", "hold", "ready", "time", "kernel", "shared", "join", "sleep", "arrow"];
const JOINS = /await|gather|group|completed|completion|shield|async_wait(_for)?$|async_task_wait|race|select/;
const SHARED = /lock|semaphore|queue|event|condition|barrier|future|signal/;

function readColours() {
    const style = getComputedStyle(document.documentElement), colours = {};
    COLOURS.forEach(name => colours[name] = style.getPropertyValue("--" + name).trim());
    return colours;
}

function waitColour(call, colours) {
    if (!call)
        return colours.time;
    if (call.startsWith("async_sleep"))
        return colours.time;
    return JOINS.test(call) ? colours.join : SHARED.test(call) ? colours.shared : colours.kernel;
}

function showTime(ns, digits = 3) {
    const absolute = Math.abs(ns);
    const [unit, name] = absolute >= 1e9 ? [1e9, "s"] : absolute >= 1e6 ? [1e6, "ms"] : absolute >= 1e3 ? [1e3, "µs"] : [1, "ns"];
    return +(ns / unit).toPrecision(digits) + " " + name;
}

/* A round step between marks of the axis. */
function axisStep(ns) {
    const power = 10 ** Math.floor(Math.log10(ns));
    return power * (ns / power < 2 ? 2 : ns / power < 5 ? 5 : 10);
}

class Painter {
    constructor(canvas, model) {
        this.canvas = canvas;
        this.model = model;
        this.view = {from: 0, to: Math.max(model.timeline.length, 1), y: 0};
        this.chosen = -1;
        this.found = new Set();
        this.widths = new Map();
        this.dress();
    }

    /* Takes the colours of the light or the dark page. */
    dress() {
        this.colours = readColours();
        this.waitColours = this.model.timeline.waits.map(wait => waitColour(wait.call, this.colours));
        this.map = null;
    }

    get width() {
        return this.canvas.clientWidth - LABELS;
    }
    get height() {
        return this.canvas.clientHeight - TOP;
    }
    x(at) {
        return LABELS + (at - this.view.from) / (this.view.to - this.view.from) * this.width;
    }
    time(x) {
        return this.view.from + (x - LABELS) / this.width * (this.view.to - this.view.from);
    }

    paint() {
        const canvas = this.canvas, scale = window.devicePixelRatio || 1;
        const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
        if (canvas.width != width || canvas.height != height) {
            canvas.width = width;
            canvas.height = height;
        }
        const c = this.c = canvas.getContext("2d");
        c.setTransform(scale, 0, 0, scale, 0, 0);
        c.fillStyle = this.colours.paper;
        c.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
        c.font = "12px system-ui, sans-serif";
        c.textBaseline = "middle";
        this.paintRows();
        this.paintArrows();
        this.paintMap(scale);
        this.paintAxis();
    }

    visibleLines() {
        const {y} = this.view, lines = this.model.lines;
        let low = 0, high = lines.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (lines[middle].y + lines[middle].height <= y)
                low = middle + 1;
            else
                high = middle;
        }
        let end = low;
        while (end < lines.length && lines[end].y < y + this.height)
            end++;
        return lines.slice(low, end);
    }

    paintRows() {
        const c = this.c;
        c.save();
        c.beginPath();
        c.rect(0, TOP, this.canvas.clientWidth, this.height);
        c.clip();
        for (const line of this.visibleLines()) {
            const y = TOP + line.y - this.view.y;
            if (line.task >= 0 && (line.task == this.chosen || this.found.has(line.task))) {
                c.fillStyle = this.colours.mark;
                c.fillRect(0, y, line.task == this.chosen ? this.canvas.clientWidth : LABELS, line.height);
            }
            this.paintLabel(line, y);
            c.save();
            c.beginPath();
            c.rect(LABELS, y, this.width, line.height);
            c.clip();
            if (line.task < 0)
                this.paintBand(this.model.lane(line), y, line.height);
            else
                this.paintTask(this.model.lane(line), y + 2, line.height - 4);
            this.paintHolds(this.model.lane(line), y + 2, line.height - 4);
            c.restore();
            c.fillStyle = this.colours.line;
            c.fillRect(0, y + line.height - 0.5, this.canvas.clientWidth, 0.5);
        }
        c.restore();
    }

    paintLabel(line, y) {
        const c = this.c, task = this.model.timeline.tasks[line.task];
        const text = line.task < 0 ? `${line.row.open ? "▾" : "▸"} ${line.row.name}`
                     : line.task == 0 ? task.name : `#${task.id} ${task.name || "?"}`;
        c.fillStyle = this.colours.ink;
        c.fillText(this.fit(text, LABELS - (line.inner ? 26 : 14)), line.inner ? 20 : 8, y + (line.task < 0 ? 15 : line.height / 2));
        if (line.task < 0) {
            c.fillStyle = this.colours.faint;
            c.fillText(`${line.row.tasks.length} tasks`, 20, y + 32);
        }
    }

    /* The text, or as much of it as has room. */
    fit(text, width) {
        let whole = this.widths.get(text);
        if (whole === undefined) {
            whole = this.c.measureText(text).width;
            this.widths.set(text, whole);
        }
        return whole <= width ? text : text.slice(0, Math.max(1, Math.floor(text.length * width / whole) - 1)) + "…";
    }

    /* Few steps are drawn one by one, many as the share of each state in each pixel. */
    paintTask(lane, y, height) {
        const first = lane.find(this.view.from), last = lane.find(this.view.to);
        if (last - first < this.width / 2)
            this.paintSteps(lane, first, last, y, height);
        else
            this.paintShares(lane, y, height);
    }

    stepColour(lane, i) {
        const {colours} = this, {timeline} = this.model;
        if (lane.counts[RUNS][i])
            return colours.runs;
        if (lane.counts[READY][i])
            return colours.ready;
        if (!lane.counts[WAITS][i])
            return null;
        const event = lane.event[i];
        if (event >= 0 && timeline.kind[event] == KIND.SLEEP)
            return colours.sleep;
        if (event >= 0 && timeline.kind[event] == KIND.WAIT)
            return this.waitColours[timeline.wait[event]];
        return waitColour(this.callOf(lane, i), colours);
    }

    /* The wait of a step in which the task waits; null: unknown. */
    waitOf(lane, i) {
        const {timeline} = this.model, event = lane.event[i];
        if (event >= 0 && timeline.kind[event] == KIND.WAIT)
            return timeline.waits[timeline.wait[event]];
        return timeline.waits[lane.unfinished] || null;
    }

    callOf(lane, i) {
        const wait = this.waitOf(lane, i);
        return wait ? wait.call : "";
    }

    paintSteps(lane, first, last, y, height) {
        const c = this.c;
        for (let i = first; i <= last && i + 1 < lane.size; i++) {
            const colour = this.stepColour(lane, i);
            if (colour === null)
                continue;
            const x = Math.max(this.x(lane.at[i]), LABELS - 1);
            const end = Math.min(this.x(lane.at[i + 1]), LABELS + this.width + 1);
            const thin = lane.counts[WAITS][i] ? 0 : 1;
            c.fillStyle = colour;
            c.fillRect(x, y + (thin ? 0 : height / 4), Math.max(end - x, 1.5 * thin), thin ? height : height / 2);
            const call = this.callOf(lane, i);
            if (end - x > 70 && call) {
                c.fillStyle = this.colours.ink;
                c.fillText(this.fit(call.replace("async_", ""), end - x - 8), x + 4, y + height / 2);
            }
        }
    }

    /* For each pixel: the means of the counts in it. */
    eachPixel(lane, see) {
        const step = (this.view.to - this.view.from) / this.width;
        let at = this.view.from, i = lane.find(at);
        let runs = lane.sum(RUNS, at, i), ready = lane.sum(READY, at, i), waits = lane.sum(WAITS, at, i);
        for (let pixel = 0; pixel < this.width; pixel++) {
            at = this.view.from + step * (pixel + 1);
            i = lane.follow(i, at);
            const nextRuns = lane.sum(RUNS, at, i), nextReady = lane.sum(READY, at, i), nextWaits = lane.sum(WAITS, at, i);
            see(pixel, (nextRuns - runs) / step, (nextReady - ready) / step, (nextWaits - waits) / step);
            runs = nextRuns;
            ready = nextReady;
            waits = nextWaits;
        }
    }

    /* A turn is seen, however short it is. */
    paintShares(lane, y, height) {
        const c = this.c, {colours} = this;
        let begin = -1;
        const flush = end => {
            if (begin >= 0)
                c.fillRect(LABELS + begin, y + height / 4, end - begin, height / 2);
            begin = -1;
        };
        c.fillStyle = colours.time;
        this.eachPixel(lane, (pixel, runs, ready, waits) => {
            if (runs + ready + waits < 1e-9)
                flush(pixel);
            else if (begin < 0)
                begin = pixel;
        });
        flush(this.width);
        for (const [colour, least] of [["ready", 0.05], ["runs", 1.5]]) {
            c.fillStyle = colours[colour];
            this.eachPixel(lane, (pixel, runs, ready) => {
                const share = colour == "runs" ? runs : runs + ready;
                if (share > 1e-9 && (colour == "runs" || height * share > least))
                    c.fillRect(LABELS + pixel, y + height - Math.max(height * share, least), 1, Math.max(height * share, least));
            });
        }
    }

    /* Above, how much of the time one of them runs; below, how many wait and are ready. */
    paintBand(lane, y, height) {
        const c = this.c, {colours} = this, strip = 12, area = height - strip - 6, most = Math.max(lane.most, 1);
        c.fillStyle = colours.shade;
        c.fillRect(LABELS, y + 2, this.width, strip);
        this.eachPixel(lane, (pixel, runs, ready, waits) => {
            const x = LABELS + pixel, bottom = y + height - 2;
            if (runs > 0) {
                c.globalAlpha = Math.min(1, 0.15 + runs);
                c.fillStyle = colours.runs;
                c.fillRect(x, y + 2, 1, strip);
                c.globalAlpha = 1;
            }
            const alive = (runs + ready + waits) / most * area, eager = (runs + ready) / most * area;
            c.fillStyle = colours.time;
            c.fillRect(x, bottom - alive, 1, alive);
            c.fillStyle = colours.ready;
            c.fillRect(x, bottom - eager, 1, eager);
        });
    }

    paintHolds(lane, y, height) {
        const c = this.c, {holds} = lane;
        c.fillStyle = this.colours.hold;
        let low = 0, high = holds.length / 2;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (holds[2 * middle + 1] < this.view.from)
                low = middle + 1;
            else
                high = middle;
        }
        let drawn = -1;
        for (let i = low; 2 * i < holds.length && holds[2 * i] <= this.view.to; i++) {
            const x = this.x(holds[2 * i]), end = Math.max(this.x(holds[2 * i + 1]), x + 2);
            if (end > drawn)
                c.fillRect(Math.max(x, LABELS), y, Math.min(end, LABELS + this.width) - Math.max(x, LABELS), height);
            drawn = end;
        }
    }

    lineMiddle(task) {
        const line = this.model.lines[this.model.lineOfTask[task]];
        return line ? TOP + line.y - this.view.y + line.height / 2 : TOP;
    }

    arrow(at, from, to, strong) {
        const c = this.c, x = this.x(at), y = this.lineMiddle(from), end = this.lineMiddle(to), side = end > y ? -5 : 5;
        if (y == end)
            return;
        c.strokeStyle = c.fillStyle = strong ? this.colours.arrow : this.colours.faint;
        c.lineWidth = strong ? 1.3 : 1;
        c.beginPath();
        c.moveTo(x, y);
        c.lineTo(x, end + side);
        c.stroke();
        c.beginPath();
        c.moveTo(x, end);
        c.lineTo(x - 3.5, end + side);
        c.lineTo(x + 3.5, end + side);
        c.fill();
    }

    /* Which task has woken the chosen one, and which ones it has woken, in the view. */
    paintArrows() {
        const MOST = 400, SCANNED = 300000;
        const {timeline} = this.model, c = this.c;
        if (this.chosen <= 0)
            return;
        c.save();
        c.beginPath();
        c.rect(LABELS, TOP, this.width, this.height);
        c.clip();
        let i = this.firstEvent(this.view.from), drawn = 0;
        const end = Math.min(timeline.count, i + SCANNED);
        for (; i < end && timeline.at[i] <= this.view.to && drawn < MOST; i++) {
            if (timeline.kind[i] != KIND.WAKE && timeline.kind[i] != KIND.CREATE)
                continue;
            const by = timeline.by[i], task = timeline.task[i];
            if (by > 0 && (by == this.chosen || task == this.chosen)) {
                this.arrow(timeline.at[i], by, task, task == this.chosen);
                drawn++;
            }
        }
        c.restore();
    }

    firstEvent(at) {
        const {timeline} = this.model;
        let low = 0, high = timeline.count;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (timeline.at[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /* How busy the loop is over the whole time; drawn once for each width. */
    drawMap(scale) {
        const map = document.createElement("canvas"), {view} = this, c = this.c;
        map.width = Math.round(this.width * scale);
        map.height = Math.round((MAP - 4) * scale);
        const shown = {from: view.from, to: view.to};
        view.from = 0;
        view.to = Math.max(this.model.timeline.length, 1);
        this.c = map.getContext("2d");
        this.c.setTransform(scale, 0, 0, scale, -LABELS * scale, 0);
        this.c.fillStyle = this.colours.shade;
        this.c.fillRect(LABELS, 0, this.width, MAP - 4);
        this.c.fillStyle = this.colours.runs;
        this.eachPixel(this.model.busy, (pixel, runs) => {
            const height = (MAP - 4) * Math.min(runs, 1);
            this.c.fillRect(LABELS + pixel, MAP - 4 - height, 1, height);
        });
        this.paintHolds(this.model.busy, 0, 5);
        Object.assign(view, shown);
        this.c = c;
        return map;
    }

    /* With a frame around the part that is shown. */
    paintMap(scale) {
        const c = this.c, {view} = this, length = Math.max(this.model.timeline.length, 1);
        if (!this.map || this.map.width != Math.round(this.width * scale))
            this.map = this.drawMap(scale);
        c.fillStyle = this.colours.paper;
        c.fillRect(0, 0, this.canvas.clientWidth, TOP);
        c.drawImage(this.map, LABELS, 0, this.width, MAP - 4);
        const x = LABELS + view.from / length * this.width, end = LABELS + view.to / length * this.width;
        c.strokeStyle = this.colours.ink;
        c.lineWidth = 1;
        c.strokeRect(x + 0.5, 0.5, Math.max(end - x - 1, 2), MAP - 5);
        c.fillStyle = this.colours.faint;
        c.fillText("busy", 8, (MAP - 4) / 2);
    }

    paintAxis() {
        const c = this.c, {view, colours} = this, y = MAP;
        const step = axisStep((view.to - view.from) / Math.max(this.width / 110, 1));
        c.fillStyle = colours.faint;
        const digits = Math.max(3, Math.ceil(Math.log10(Math.max(view.to / step, 1))) + 1);
        for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
            const x = this.x(at);
            c.fillStyle = colours.line;
            c.fillRect(x, y, 1, this.canvas.clientHeight - y);
            c.fillStyle = colours.faint;
            c.fillText(at == 0 ? "0" : showTime(at, digits), x + 4, y + 9);
        }
    }
}

/*
 * page_input.js: the canvas of each loop with its legend, its search, and what the mouse and keys
 * do: wheel and W S zoom, drag and A D move, a click chooses a task or opens a band.
 */
const LEGEND = [["runs", "runs"], ["hold", "holds the loop (10 ms or more)"], ["ready", "ready, waits for its turn"],
                ["time", "sleeps"], ["kernel", "waits for the kernel"], ["shared", "waits for a lock, queue, …"],
                ["join", "waits for tasks"]];

const ECANCELED = 125;

function make(tag, parent, text = "", properties = {}) {
    const element = document.createElement(tag);
    element.textContent = text;
    Object.assign(element, properties);
    parent.append(element);
    return element;
}

/* Throws if bytes are missing at the end: "LOOP", the number of bytes that follow, and these. */
function wholeSection(bytes) {
    if (new DataView(bytes.buffer).getBigUint64(4, true) != bytes.length - 12)
        throw new Error("bytes of the timeline are missing");
    return bytes;
}

class Timeline {
    constructor(section) {
        const data = section.querySelector("script.timeline");
        this.model = new Model(wholeSection(bytesOfBase64(data.textContent)));
        data.remove();
        this.makeBar(section);
        this.picture = make("div", section, "", {className: "picture"});
        this.canvas = make("canvas", this.picture, "", {tabIndex: 0});
        this.tip = make("div", this.picture, "", {className: "tip"});
        if (document.body.classList.contains("many"))
            this.picture.style.minHeight = Math.min(this.model.height + TOP + 8, 0.6 * innerHeight) + "px";
        this.info = make("div", section, "", {className: "chosen"});
        this.painter = new Painter(this.canvas, this.model);
        this.listen();
        this.showChosen();
        this.repaint();
    }

    makeBar(section) {
        const {timeline} = this.model, tasks = timeline.tasks.length - 1;
        const bar = make("div", section, "", {className: "bar"});
        make("b", bar, `loop ${timeline.loop}`);
        make("span", bar, `${showTime(timeline.length)}${timeline.virtual ? " of a virtual clock" : ""}, ` +
             `${tasks} task${tasks == 1 ? "" : "s"}, ${timeline.count} events, ${timeline.backend}` +
             (timeline.end ? `; ${ENDS[timeline.end]}` : ""));
        this.field = make("input", bar, "", {type: "search", placeholder: "name, place or #number  ( / )"});
        this.matches = make("span", bar);
        make("button", bar, "whole").onclick = () => this.zoomTo(0, timeline.length);
        make("button", bar, "?").onclick = () => this.showHelp();
        const keys = make("div", section, "", {className: "bar"});
        for (const [colour, text] of LEGEND) {
            const key = make("span", keys, "", {className: "key"});
            make("i", key).style.background = `var(--${colour})`;
            make("span", key, text);
        }
    }

    showHelp() {
        this.info.textContent = "Wheel, W and S: zoom. Drag, A, D and Shift+wheel: move. Wheel on the names, ↑ and ↓: " +
            "other rows. Click: choose a task, open or close a band. Arrows show which task has woken the chosen one. " +
            "0: whole. /: search, Enter: the next match. Esc: choose none.";
    }

    repaint() {
        if (this.pending)
            return;
        this.pending = true;
        requestAnimationFrame(() => {
            this.pending = false;
            this.painter.paint();
        });
    }

    /* ---- the view ---- */

    zoomTo(from, to) {
        const {view} = this.painter, length = Math.max(this.model.timeline.length, 1);
        const size = Math.min(Math.max(to - from, 50), length);
        view.from = Math.min(Math.max(from, 0), length - size);
        view.to = view.from + size;
        this.repaint();
    }

    zoom(factor, x) {
        const {view} = this.painter, at = x >= LABELS ? this.painter.time(x) : (view.from + view.to) / 2;
        this.zoomTo(at - (at - view.from) * factor, at + (view.to - at) * factor);
    }

    move(part) {
        const {view} = this.painter, by = part * (view.to - view.from);
        this.zoomTo(view.from + by, view.to + by);
    }

    scroll(pixels) {
        const {view, height} = this.painter;
        view.y = Math.max(0, Math.min(view.y + pixels, this.model.height - height));
        this.repaint();
    }

    /* ---- tasks ---- */

    choose(task) {
        this.painter.chosen = task;
        this.showChosen();
        this.repaint();
    }

    showChosen() {
        const {timeline} = this.model, task = timeline.tasks[this.painter.chosen];
        this.info.textContent = "";
        if (this.painter.chosen <= 0) {
            this.info.textContent = "Click a task to see which task has woken it. The button ? explains mouse and keys.";
            return;
        }
        const lane = this.model.laneOfTask(this.painter.chosen);
        make("b", this.info, `#${task.id} ${task.name}`);
        make("span", this.info, `, created at ${task.place || "?"}: ran ${showTime(lane.total(RUNS))} in ${lane.turns} turns, ` +
             `was ready ${showTime(lane.total(READY))}, waited ${showTime(lane.total(WAITS))}` +
             (task.error == ECANCELED ? "; was cancelled" : task.error ? `; ended with error ${task.error}` : "") + (task.live ? "; has not ended" : ""));
    }

    /* Makes the task's line visible. */
    reveal(task) {
        const row = this.model.rows[this.model.rowOf[task]];
        if (row.band && !row.open) {
            row.open = true;
            this.model.layOut();
        }
        const line = this.model.lines[this.model.lineOfTask[task]], {view, height} = this.painter;
        if (line.y < view.y || line.y + line.height > view.y + height)
            view.y = Math.max(0, Math.min(line.y - height / 3, this.model.height - height));
        this.choose(task);
    }

    search() {
        const found = this.model.search(this.field.value);
        this.painter.found = new Set(found);
        this.found = found;
        this.matches.textContent = this.field.value == "" ? "" : `${found.length} found`;
        this.repaint();
    }

    nextMatch() {
        if (!this.found || this.found.length == 0)
            return;
        const after = this.found.indexOf(this.painter.chosen) + 1;
        this.reveal(this.found[after % this.found.length]);
    }

    /* ---- the mouse ---- */

    lineAt(y) {
        const inner = y - TOP + this.painter.view.y;
        return y < TOP ? undefined : this.model.lines.find(line => line.y <= inner && inner < line.y + line.height);
    }

    click(x, y) {
        const line = this.lineAt(y);
        if (line === undefined)
            return;
        if (line.task < 0) {
            line.row.open = !line.row.open;
            this.model.layOut();
            this.scroll(0);
        } else {
            this.choose(line.task);
        }
    }

    describeBand(line, at) {
        const lane = this.model.lane(line), i = lane.find(at);
        const hold = lane.holds.find((_, k) => k % 2 == 0 && lane.holds[k] <= at && at <= lane.holds[k + 1]);
        return `${line.row.name}, ${line.row.tasks.length} tasks\nat ${showTime(at, 6)}: ${lane.counts[RUNS][i]} runs, ` +
            `${lane.counts[READY][i]} ready, ${lane.counts[WAITS][i]} wait` +
            (hold !== undefined ? `\none holds the loop since ${showTime(at - hold)}` : "");
    }

    /* Which task has made it ready. */
    describeWaker(event) {
        const {timeline} = this.model, by = timeline.tasks[timeline.by[event]], flags = timeline.flags[event];
        const verb = timeline.kind[event] == KIND.CREATE ? "created by" : "woken by";
        if (timeline.kind[event] != KIND.WAKE && timeline.kind[event] != KIND.CREATE)
            return "it has let others run first";
        if (flags & 1)
            return "cancelled" + (by.id ? ` by #${by.id} ${by.name}` : "");
        return by.id ? `${verb} #${by.id} ${by.name}` : flags & 2 ? "its time has come" : `${verb} the kernel or the loop`;
    }

    describeState(lane, i) {
        const wait = this.painter.waitOf(lane, i), event = lane.event[i];
        if (lane.counts[RUNS][i])
            return "runs";
        if (lane.counts[READY][i])
            return "is ready; " + (event >= 0 ? this.describeWaker(event) : "");
        if (!lane.counts[WAITS][i])
            return "";
        if (event >= 0 && this.model.timeline.kind[event] == KIND.SLEEP)
            return "the loop sleeps";
        if (!wait)
            return "waits";
        const object = wait.object >= 4096 ? ` on 0x${wait.object.toString(16)}` : wait.object > 0 ? `, descriptor ${wait.object}` : "";
        return `waits in ${wait.call}${object}`;
    }

    describeTask(line, at) {
        const task = this.model.timeline.tasks[line.task], lane = this.model.lane(line), i = lane.find(at);
        const state = this.describeState(lane, i);
        const title = line.task == 0 ? task.name : `#${task.id} ${task.name}, created at ${task.place || "?"}`;
        if (state == "" || i + 1 >= lane.size)
            return title;
        return `${title}\n${state}\nfor ${showTime(lane.at[i + 1] - lane.at[i])}, from ${showTime(lane.at[i], 6)}`;
    }

    hover(x, y) {
        const line = x >= LABELS ? this.lineAt(y) : undefined;
        this.tip.style.display = line === undefined ? "none" : "block";
        if (line === undefined)
            return;
        const at = this.painter.time(x);
        this.tip.textContent = line.task < 0 ? this.describeBand(line, at) : this.describeTask(line, at);
        const width = this.tip.offsetWidth, height = this.tip.offsetHeight;
        this.tip.style.left = Math.min(x + 14, this.canvas.clientWidth - width) + "px";
        this.tip.style.top = (y + 16 + height > this.canvas.clientHeight ? y - height - 10 : y + 16) + "px";
    }

    /* Also in the map above, where the middle of the view follows the mouse. */
    drag(event) {
        const {view} = this.painter, by = event.movementX;
        this.moved += Math.abs(by) + Math.abs(event.movementY);
        if (this.inMap) {
            const at = (event.offsetX - LABELS) / this.painter.width * this.model.timeline.length, half = (view.to - view.from) / 2;
            this.zoomTo(at - half, at + half);
            return;
        }
        this.move(-by / this.painter.width);
        this.scroll(-event.movementY);
    }

    wheel(event) {
        event.preventDefault();
        if (event.offsetX < LABELS)
            this.scroll(event.deltaY);
        else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
            this.move((event.deltaX || event.deltaY) / 1000);
        else
            this.zoom(Math.exp(Math.max(-200, Math.min(event.deltaY, 200)) / 400), event.offsetX);
    }

    key(event) {
        const acts = {w: () => this.zoom(0.7, 0), s: () => this.zoom(1 / 0.7, 0), "+": () => this.zoom(0.7, 0), "-": () => this.zoom(1 / 0.7, 0),
                      a: () => this.move(-0.2), d: () => this.move(0.2), ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
                      ArrowUp: () => this.scroll(-60), ArrowDown: () => this.scroll(60),
                      PageUp: () => this.scroll(-this.painter.height), PageDown: () => this.scroll(this.painter.height),
                      "0": () => this.zoomTo(0, this.model.timeline.length), "/": () => this.field.focus(), Escape: () => this.choose(-1)};
        if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key])
            return;
        event.preventDefault();
        acts[event.key]();
    }

    listen() {
        const {canvas} = this;
        canvas.onpointerdown = event => {
            this.moved = 0;
            this.inMap = event.offsetY < TOP;
            this.down = true;
            canvas.setPointerCapture(event.pointerId);
            this.tip.style.display = "none";
        };
        canvas.onpointermove = event => this.down ? this.drag(event) : this.hover(event.offsetX, event.offsetY);
        canvas.onpointerup = event => {
            this.down = false;
            if (this.moved < 4)
                this.click(event.offsetX, event.offsetY);
        };
        canvas.onpointerleave = () => this.tip.style.display = "none";
        canvas.addEventListener("wheel", event => this.wheel(event), {passive: false});
        canvas.onkeydown = event => this.key(event);
        this.field.oninput = () => this.search();
        this.field.onkeydown = event => event.key == "Enter" ? this.nextMatch() : event.key == "Escape" ? canvas.focus() : 0;
        new ResizeObserver(() => this.repaint()).observe(this.picture);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
            this.painter.dress();
            this.repaint();
        });
    }
}

/* A page that was cut off, or a damaged one, has sections that cannot be read; the others are shown. */
function showTimeline(section) {
    try {
        return [new Timeline(section)];
    } catch (error) {
        console.error(error);
        make("p", section, "This timeline is damaged or was cut off.", {className: "lost"});
        return [];
    }
}

window.addEventListener("DOMContentLoaded", () => {
    const sections = [...document.querySelectorAll("section.loop")];
    document.body.classList.toggle("many", sections.length > 1);
    window.timelines = sections.flatMap(showTimeline);
    if (window.timelines.length)
        window.timelines[0].canvas.focus({preventScroll: true});
});

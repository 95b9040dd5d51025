"""Draws a part of a trace as SVG: python3 docs/trace_picture.py TRACE.json docs/trace.svg [STEPS [start]]

A row for each thread; STEPS steps (2 by default) from the middle of the trace, or with `start` its first ones; a step ends
with the update of the weights. Files that are
read at the same time stand below each other; counters are drawn as a line.
"""
import html
import json
import sys

WIDTH, ROW, LEFT, TOP = 1100, 34, 110, 62
COLOURS = {"forward": "#4e79a7", "backward": "#1f4e79", "sum": "#f28e2b", "update": "#e15759", "wait": "#e8e8e8",
           "tokenize": "#76b7b2", "pack": "#59a14f", "inflate": "#b07aa1", "read": "#edc948", "checkpoint": "#9c755f",
           "evaluate": "#bab0ac"}


def load(path):
    events = json.load(open(path))["traceEvents"]
    rows = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    spans = [e for e in events if e["ph"] == "X"]
    begun = {}
    for e in events:
        key = (e.get("tid"), e["name"], e.get("id"))
        if e["ph"] == "b":
            begun[key] = e["ts"]
        elif e["ph"] == "e" and key in begun:
            at = begun.pop(key)
            spans.append({"name": e["name"], "tid": e["tid"], "ts": at, "dur": e["ts"] - at, "flight": e["id"]})
    counters = [e for e in events if e["ph"] == "C"]
    return rows, spans, counters


def window(spans, steps, at_start):
    """From the end of one update to the end of another, `steps` later; or from the first read."""
    ends = sorted(s["ts"] + s["dur"] for s in spans if s["name"] == "update" and s.get("args", {}).get("for") == "weights"
                  and s["tid"] == min(t["tid"] for t in spans if t["name"] == "update"))
    if at_start:
        return min(s["ts"] for s in spans if s["name"] == "read"), ends[min(steps, len(ends)) - 1]
    middle = max(0, len(ends) // 2 - steps)
    return ends[middle], ends[min(middle + steps, len(ends) - 1)]


def draw(path, steps, at_start):
    rows, spans, counters = load(path)
    first, last = window(spans, steps, at_start)
    last += (last - first) * 0.03
    first -= (last - first) * 0.01
    x = lambda at: LEFT + (min(max(at, first), last) - first) / (last - first) * (WIDTH - LEFT - 10)
    order = sorted(rows, key=lambda tid: (rows[tid] in ("ring", "files"), tid))
    heights = {tid: ROW * (3 if rows[tid] in ("ring", "files") else 1) for tid in order}
    out, y = [], TOP
    for tid in order:
        out.append(f'<text x="{LEFT - 8}" y="{y + 20}" text-anchor="end">{html.escape(rows[tid])}</text>')
        out.append(f'<rect x="{LEFT}" y="{y}" width="{WIDTH - LEFT - 10}" height="{heights[tid] - 6}" fill="#fafafa"/>')
        shown = [s for s in spans if s["tid"] == tid and s["ts"] + s["dur"] > first and s["ts"] < last]
        for s in sorted(shown, key=lambda s: -s["dur"]):
            width = max(x(s["ts"] + s["dur"]) - x(s["ts"]), 0.6)
            lane, height = y, ROW - 6
            if "flight" in s:
                lane, height = y + ROW + (s["flight"] % 6) * 10, 8
                if s["name"] == "wait":
                    lane, height = y, ROW - 6
            label = s["name"] + (" for " + s["args"]["for"] if "args" in s else "")
            out.append(f'<rect x="{x(s["ts"]):.1f}" y="{lane}" width="{width:.1f}" height="{height}" '
                       f'fill="{COLOURS.get(s["name"], "#cccccc")}"><title>{html.escape(label)}: {s["dur"]:.0f} us</title></rect>')
        y += heights[tid]
    depths = [c for c in counters if c["name"] == "batches waiting" and first <= c["ts"] <= last]
    if depths:
        most = max(c["args"]["count"] for c in depths) or 1
        points = []
        for c in sorted(depths, key=lambda c: c["ts"]):
            level = y + ROW - 6 - (ROW - 8) * c["args"]["count"] / most
            if points:
                points.append((x(c["ts"]), points[-1][1]))
            points.append((x(c["ts"]), level))
        out.append(f'<text x="{LEFT - 8}" y="{y + 20}" text-anchor="end">batches waiting</text>')
        out.append(f'<polyline fill="none" stroke="#333" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>')
        out.append(f'<text x="{WIDTH - 8}" y="{y + 12}" text-anchor="end" fill="#777">0 to {most}</text>')
        y += ROW
    legend, at = [], LEFT
    used = [n for n in COLOURS if any(s["name"] == n and s["ts"] + s["dur"] > first and s["ts"] < last for s in spans)]
    for name in used:
        legend.append(f'<rect x="{at}" y="34" width="12" height="12" fill="{COLOURS[name]}" stroke="#aaa" stroke-width="0.5"/>'
                      f'<text x="{at + 16}" y="45">{name}</text>')
        at += 34 + 8 * len(name)
    title = f"{steps} steps, {(last - first) / 1000:.1f} ms"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="20" font-size="14">{title}</text>'
            + "".join(legend) + "\n".join(out) + "</svg>\n")


steps_wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 2
with open(sys.argv[2], "w") as picture:
    picture.write(draw(sys.argv[1], steps_wanted, "start" in sys.argv[4:]))

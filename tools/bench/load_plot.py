#!/usr/bin/env python3
"""Draws what the trace of `tools/bench/run load` has written: tools/bench/load_plot.py FOLDER

trace_latencies.csv   strategy, second, model, milliseconds  ->  trace_latencies.svg, how many answers
                      came within which time
trace_memory.csv      strategy, second, megabytes  ->  trace_memory.svg, memory over time
"""

import csv
import math
import sys
from pathlib import Path

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 110, 16, 44  # margins; names of the lines stand on the right
COLOURS = ("#4c72b0", "#dd8452", "#8172b3", "#2e8b57")


def lines_of(path, x, y):
    """{strategy: [(x, y)]} in the order of the file."""
    lines = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            lines.setdefault(row["strategy"], []).append((float(row[x]), float(row[y])))
    return lines


def ticks(low, high):
    """About five round numbers from low to high."""
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first = math.ceil(low / step)
    return [round(i * step, 9) for i in range(first, math.floor(high / step) + 1)]


def picture(lines, title_x, title_y, x_ticks, y_ticks, x_range, y_range, text_x=lambda x: f"{x:g}"):
    """An SVG of lines of points."""

    def at(x, y):
        across = (x - x_range[0]) / (x_range[1] - x_range[0])
        up = (y - y_range[0]) / (y_range[1] - y_range[0])
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for x in x_ticks:
        left, bottom = at(x, y_range[0])
        out.append(f'<line x1="{left:.1f}" x2="{left:.1f}" y1="{TOP}" y2="{bottom:.1f}" stroke="#eee"/>')
        out.append(f'<text x="{left:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{text_x(x)}</text>')
    for y in y_ticks:
        left, top = at(x_range[0], y)
        out.append(f'<line x1="{left}" x2="{WIDTH - RIGHT}" y1="{top:.1f}" y2="{top:.1f}" stroke="#eee"/>')
        out.append(f'<text x="{left - 6}" y="{top + 4:.1f}" text-anchor="end">{y:g}</text>')
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{title_x}</text>'
    )
    out.append(
        f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{title_y}</text>'
    )
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        below = TOP + 14 + 18 * number
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{below}" fill="{colour}">{name}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def draw_latencies(folder):
    """How many in a hundred are answered within a time; the times by tens."""
    lines = {}
    for strategy, points in lines_of(folder / "trace_latencies.csv", "second", "milliseconds").items():
        times = sorted(time for _, time in points)
        lines[strategy] = [
            (math.log10(time), 100 * (i + 1) / len(times)) for i, time in enumerate(times)
        ]
    every = [x for points in lines.values() for x, _ in points]
    low, high = math.floor(min(every)), math.ceil(max(every))
    text = picture(
        lines,
        "milliseconds from the request to the answer",
        "% of the requests",
        range(low, high + 1),
        (0, 25, 50, 75, 100),
        (low, max(high, low + 1)),
        (0, 100),
        lambda x: f"{10**x:g}",
    )
    (folder / "trace_latencies.svg").write_text(text)


def draw_memory(folder):
    lines = lines_of(folder / "trace_memory.csv", "second", "megabytes")
    last = max(x for points in lines.values() for x, _ in points)
    most = max(y for points in lines.values() for _, y in points)
    text = picture(
        lines, "seconds", "resident, MB", ticks(0, last), ticks(0, most), (0, last or 1), (0, most or 1)
    )
    (folder / "trace_memory.svg").write_text(text)


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("--help", "-h"):
        print(__doc__.strip())
        return 0 if sys.argv[1:2] == ["--help"] else 2
    folder = Path(sys.argv[1])
    draw_latencies(folder)
    draw_memory(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

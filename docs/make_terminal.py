"""Draws a terminal session as SVG: `python docs/make_terminal.py docs/rank.svg COMMAND…` runs the command and draws it with its output.

    python docs/make_terminal.py docs/rank.svg ranktune rank --hub examples/hub --data examples/data/digits
"""

import os
import subprocess
import sys
from html import escape

WIDTH, HEIGHT, MARGIN = 7.83, 18, 16  # of a character, of a line, around the text; pixels at a font size of 13


def session(command):
    environment = {**os.environ, "RANKTUNE_CACHE": os.path.join(os.getcwd(), "target", "terminal-cache")}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    if run.returncode not in (0, 1):
        sys.exit(run.stderr)
    return ["$ " + " ".join(command), *run.stdout.rstrip("\n").split("\n")]


def draw(lines):
    width = max(len(line) for line in lines) * WIDTH + 2 * MARGIN
    height = len(lines) * HEIGHT + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + HEIGHT * (place + 0.75):.1f}" fill="{"#7ee787" if place == 0 else "#e6edf3"}">{escape(line)}</text>'
        for place, line in enumerate(lines)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" xml:space="preserve">
{rows}
</g>
</svg>
"""


if __name__ == "__main__":
    target, *command = sys.argv[1:]
    with open(target, "w") as file:
        file.write(draw(session(command)))

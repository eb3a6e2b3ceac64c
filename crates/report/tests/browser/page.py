"""Opens pages of the report in Chromium, and uses them as a reader does.

    python crates/report/tests/browser/page.py RANKTUNE [--screenshots DIR]

RANKTUNE is the binary. Needs the packages playwright and html5lib, and a Chromium in PATH (or CHROMIUM); without a Chromium it prints
that the test is skipped, and ends with 0.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
WIDTHS = [360, 1600]
HOSTILE = [
    "<script>document.title = 'broken'</script>",
    "</script><img src=x onerror=\"document.title='broken'\">",
    "\u202egnorw\u202c right to left \u05e9\u05dc\u05d5\u05dd",
    "emoji \U0001f469\u200d\U0001f52c and a quote \" ' &amp; `",
    "long-" + "x" * 495,
]


def model(rank, name, value, parameters, speed):
    return {
        "rank": rank,
        "name": name,
        "digest": f"{rank:064x}",
        "parameters": parameters,
        "feature_tensor": "pooled",
        "feature_dim": 64,
        "scores": {
            "logme": {"value": value, "standard_error": 0.01, "status": "interior"},
            "leep": {"value": value / 2 - 1},
        },
        "p_best": 0.9 if rank == 1 else 0.1 / max(1, rank),
        "p_top_k": 1.0 if rank <= 3 else 0.0,
        "rank_interval": [max(1, rank - 1), rank + 1],
        "seconds": {"extract": 1.5, "score": 0.1},
        "images_per_second": speed,
    }


def ranking(names, classes=("cat", "dog")):
    return {
        "schema": "ranktune.ranking/2",
        "task": "classification",
        "data": {"path": "photos", "samples": 400, "classes": list(classes), "digest": "0" * 64},
        "options": {"scores": ["logme", "leep"], "seed": 0, "top_k": 3},
        "models": [
            model(i + 1, name, 1.0 - i / len(names), 1_000_000 * (1 + i * 7 % 11), 10.0 + i * 13 % 97)
            for i, name in enumerate(names)
        ],
        "skipped": [{"name": "broken & <b>bold</b>", "reason": "truncated"}],
    }


def pages(ranktune, folder):
    """The documents of the test as pages, by name."""
    documents = {
        "usual": ranking(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]),
        "hostile": ranking(HOSTILE, classes=HOSTILE),
        "one": ranking(["alone"]),
        "many": ranking([f"model-{i}" for i in range(500)], classes=[f"class {i}" for i in range(1000)]),
    }
    made = {}
    for name, document in documents.items():
        source, page = folder / f"{name}.json", folder / f"{name}.html"
        source.write_text(json.dumps(document), encoding="utf-8")
        subprocess.run([ranktune, "report", source, "--out", page], check=True, capture_output=True)
        made[name] = (document, page)
    return made


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def names_of(page):
    return page.locator("table tr[data-model] th").all_inner_texts()


def check_width(page, name, width):
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    check(overflow <= 0, f"{name} at {width} pixels: the page is {overflow} pixels wider than the window")


def check_sorting(page):
    """A click on a column sorts by its values, and a second one the other way; the keyboard does the same."""
    button = page.locator("table:has(tr[data-model]) thead th", has_text="parameters").locator("button")
    values = lambda: [int(v) for v in page.locator("tr[data-model]").evaluate_all("r => r.map(x => x.dataset.parameters)")]
    before = values()
    button.click()
    check(values() == sorted(before, reverse=True), "a click does not sort by parameters, largest first")
    button.focus()
    page.keyboard.press("Enter")
    check(values() == sorted(before), "the key Enter does not turn the order round")
    check(page.locator('th[aria-sort="ascending"]').count() == 1, "the sorted column is not marked for screen readers")


def check_filter(page, document):
    """The filters hide rows and name the best model that is left."""
    page.locator("form.filter input[name=parameters]").fill("3")
    fits = [m for m in document["models"] if m["parameters"] <= 3e6]
    shown = page.locator("tr[data-model]:visible").count()
    check(shown == len(fits), f"the filter shows {shown} models, expected {len(fits)}")
    text = page.locator("form.filter output").inner_text()
    check(fits[0]["name"] in text, f"the best that remains is {fits[0]['name']}, the page says {text!r}")
    page.locator("form.filter input[name=name]").fill("no such model")
    check("No model remains" in page.locator("form.filter output").inner_text(), "an empty choice is not said")
    page.locator("form.filter button[type=reset]").click()
    # Not by a script in a string: the page's security policy allows none to be evaluated.
    page.locator("tr[data-model][hidden]").first.wait_for(state="detached")


def check_colours(page):
    """The button turns light into dark, and text stays readable in both."""
    shade = """() => {
        const of = (text) => { const c = text.match(/[\\d.]+/g).slice(0, 3).map(Number); return (c[0] + c[1] + c[2]) / 3; };
        const style = getComputedStyle(document.body), root = getComputedStyle(document.documentElement);
        const ground = style.backgroundColor === 'rgba(0, 0, 0, 0)' ? root.backgroundColor : style.backgroundColor;
        return [of(style.color), of(ground)];
    }"""
    light = page.evaluate(shade)
    page.locator("#theme").click()
    dark = page.evaluate(shade)
    check(light[0] + 100 < light[1], f"light: text {light[0]} on {light[1]}")
    check(dark[0] > dark[1] + 100, f"dark: text {dark[0]} on {dark[1]}")
    page.locator("#theme").click()


def check_keyboard(page):
    """Every link, field and button is reached by the key Tab, once."""
    expected = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input, summary, select')].filter(e => e.checkVisibility()).length"
    )
    page.evaluate("document.activeElement.blur()")
    page.mouse.click(2, 2)
    seen = set()
    for _ in range(expected + 2):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("(() => { const e = document.activeElement; e.dataset.seen ??= Math.random(); return e.tagName + e.dataset.seen; })()"))
    reached = {one for one in seen if not one.startswith("BODY")}
    check(len(reached) >= expected, f"{len(reached)} of {expected} controls are reached by the keyboard")


def check_download(page, document):
    """The button gives the document of which the page was made."""
    with page.expect_download() as download:
        page.locator("button[data-json]").click()
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    for key in ["schema", "task", "models"]:
        check(saved[key] == document[key], f"the downloaded {key} is not that of the document")


def check_text(page, document):
    """Names are shown as text, whatever they hold."""
    check(page.title().startswith("Ranking of"), f"the title became {page.title()!r}")
    shown = names_of(page)
    for one in document["models"]:
        check(any(one["name"].replace(" ", "") in text.replace(" ", "") for text in shown), f"{one['name']!r} is not shown: {shown}")


def check_static(browser, path):
    """Without scripts the page has all rows, and no controls that do nothing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    check(page.locator("tr[data-model]").count() == 8, "rows are missing without scripts")
    check(page.locator("button:visible").count() == 0, "buttons are shown that do nothing without scripts")
    context.close()


def check_html(path):
    """The page is valid for a parser that refuses every error of syntax."""
    import html5lib

    html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))


def run(browser, made, screenshots):
    for name, (document, path) in made.items():
        check_html(path)
        check(path.stat().st_size < 2_000_000, f"{name}: the page has {path.stat().st_size} bytes")
        for width in WIDTHS:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
            page = context.new_page()
            said, asked = [], []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(path.as_uri())
            check_width(page, name, width)
            check_text(page, document)
            check_colours(page)
            if name == "usual":
                check_sorting(page)
                check_filter(page, document)
                check_keyboard(page)
                check_download(page, document)
                if screenshots:
                    page.screenshot(path=screenshots / f"{name}-{width}.png", full_page=True)
            foreign = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
            check(not foreign, f"{name}: the page asks the network for {foreign}")
            check(not said, f"{name} at {width} pixels: the browser's console says {said}")
            context.close()
            print(f"{name} at {width} pixels: right", flush=True)
    check_static(browser, made["usual"][1])
    print("without scripts: right")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ranktune", type=Path)
    parser.add_argument("--screenshots", type=Path)
    arguments = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        print("skipped: the pages in a browser, because there is no Chromium")
        return
    from playwright.sync_api import sync_playwright

    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = pages(arguments.ranktune.resolve(), Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        run(browser, made, arguments.screenshots)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())

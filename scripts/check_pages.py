"""Opens HTML files in headless Chromium, light and dark: no error on the console, nothing fetched, every picture drawn.

    python scripts/check_pages.py [--screenshot FILE.png] PAGE.html ...

Needs the package playwright and a Chromium. Exit code 1 names what is wrong."""

import argparse
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

# What is on the page, and the pictures that the browser could not draw.
CONTENT = """() => {
  const images = [...document.images], drawings = [...document.querySelectorAll('figure svg')];
  const seen = (element) => { const box = element.getBoundingClientRect(); return box.width > 50 && box.height > 50; };
  const broken = images.filter((image) => image.naturalWidth === 0).map((image) => image.alt)
    .concat(drawings.filter((svg) => !seen(svg)).map(() => 'an SVG without a size'));
  return {broken, shown: images.length + drawings.length + document.querySelectorAll('tbody tr').length,
          wide: document.documentElement.scrollWidth > window.innerWidth,
          background: getComputedStyle(document.body).backgroundColor};
}"""


def problems_of(browser, path, scheme, screenshot):
    """Opens one page; returns (what is wrong, its background)."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 1400})
    problems = []
    page.on("console", lambda message: problems.append(f"console: {message.text}") if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else problems.append(f"fetched {request.url}"))
    page.goto(path.resolve().as_uri())
    found = page.evaluate(CONTENT)
    problems += [f"not drawn: {what}" for what in found["broken"]]
    if not found["shown"]:
        problems.append("neither a plot nor a table on the page")
    if found["wide"]:
        problems.append("wider than the window")
    if screenshot:
        page.screenshot(path=screenshot)
    page.close()
    return problems, found["background"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    parser.add_argument("--screenshot", help="of the first page, light")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    failed = False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number, path in enumerate(arguments.pages):
            backgrounds = set()
            for scheme in ("light", "dark"):
                first = number == 0 and scheme == "light"
                problems, background = problems_of(browser, path, scheme, arguments.screenshot if first else None)
                backgrounds.add(background)
                for problem in problems:
                    print(f"{path} ({scheme}): {problem}", file=sys.stderr)
                failed = failed or bool(problems)
            if len(backgrounds) != 2:
                print(f"{path}: light and dark look the same", file=sys.stderr)
                failed = True
        browser.close()
    print(f"{len(arguments.pages)} pages opened in Chromium, light and dark" + (", with problems" if failed else ""))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

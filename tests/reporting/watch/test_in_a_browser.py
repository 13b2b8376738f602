"""The live page in a real browser, over runs that really train; skipped where there is no browser."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.reporting.watch.browser import CHROMIUM, opened, serving

for package in ("playwright.sync_api", "uvicorn", "starlette"):
    pytest.importorskip(package)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Playwright's, at its end
]

GLUONLAB = [sys.executable, "-m", "gluonlab.cli.main"]
QUICK = ["schedule.warmup_epochs=1", "log_every=5", "cpu_threads=1"]


def train(run, *overrides, processes=1, seed=0):
    """Start a digits run; it is the caller's to end."""
    verb = ["train"] if processes == 1 else ["launch", "-n", str(processes)]
    command = [*GLUONLAB, *verb, "recipe:digits", f"run_dir={run}", f"seed={seed}", *QUICK, *overrides]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "runs"
    assert train(folder / "nag", "epochs=3").wait(300) == 0
    changed = ["epochs=3", "optimizer.name=lars", "optimizer.trust_coefficient=0.01"]
    assert train(folder / "lars", *changed, processes=2, seed=1).wait(300) == 0
    return folder


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def curves(page):
    return page.locator("#legend button").all_inner_texts()


def choose_both(page):
    page.get_by_label("show nag").check()
    page.get_by_label("show lars").check()
    wait_until(lambda: sorted(curves(page)) == ["lars", "nag"])


def test_a_training_run_arrives_row_by_row(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    with serving(folder) as address, opened(address) as (page, seen):
        page.get_by_text("No runs in runs yet").wait_for()
        job = train(folder / "live", "epochs=40", processes=2)
        page.locator(".uplot").wait_for()
        steps = page.evaluate("document.querySelector('#runs tr td:nth-child(4)').textContent")
        wait_until(lambda: page.locator("#runs tr td:nth-child(4)").first.inner_text() != steps)
        page.locator("#ranks tbody tr").nth(1).wait_for()
        assert page.locator("#ranks tbody tr td:nth-child(2)").all_inner_texts() == ["0", "1"]
        job.send_signal(signal.SIGTERM)
        assert job.wait(120) in (75, 143)
        page.get_by_role("cell", name="stopped").wait_for()
        assert (seen.said, seen.elsewhere(address)) == ([], [])


def test_a_row_is_on_the_page_within_a_second(two_runs, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(two_runs / "nag", folder / "nag", ignore=shutil.ignore_patterns("summary.json"))
    metrics = folder / "nag/metrics.jsonl"
    row = {"kind": "train", "step": 12_345, "time": 1.0, "loss": 0.5}
    took = []
    with serving(folder) as address, opened(address) as (page, _):
        page.locator(".uplot").wait_for()
        for step in range(12_345, 12_352):
            with metrics.open("a") as file:
                file.write(json.dumps({**row, "step": step}) + "\n")
            written = time.monotonic()
            page.wait_for_function(
                "step => document.querySelector('#notes').textContent.includes(`step ${step}`)", arg=step
            )
            took.append(time.monotonic() - written)
    assert sorted(took)[len(took) // 2] < 1.0


def test_two_runs_are_compared_and_hidden_by_keyboard(two_runs, root):
    with serving(two_runs) as address, opened(address) as (page, seen):
        choose_both(page)
        assert page.locator("#differences").get_by_text("optimizer.name").count() == 1
        button = page.locator("#legend button", has_text="lars")
        button.focus()
        page.keyboard.press("Enter")
        assert button.get_attribute("aria-pressed") == "false"
        page.keyboard.press("Space")
        assert button.get_attribute("aria-pressed") == "true"
        for axis in ("epoch", "time", "images", "step"):
            page.locator("#axis").select_option(axis)
        page.locator("#logy").check()
        page.locator("#value").select_option("train.learning_rate")
        wait_until(lambda: sorted(curves(page)) == ["lars", "lars (plan)", "nag", "nag (plan)"])
        page.locator("#value").select_option("train.loss")
        wait_until(lambda: len(curves(page)) == 2)
        page.locator("#show-samples").click()
        page.locator("figure").nth(11).wait_for(timeout=180_000)
        assert page.locator("figcaption", has_text="✓").count() > 3
        if "GLUONLAB_SCREENSHOTS" in os.environ:
            page.locator("#logy").uncheck()
            page.screenshot(path=root / "docs/watch.png")
        assert (seen.said, seen.elsewhere(address)) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_scrolls_down_only(two_runs, root, scheme):
    with serving(two_runs) as address, opened(address, 380, 800, scheme) as (page, seen):
        choose_both(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(24, 26, 29)")
        if "GLUONLAB_SCREENSHOTS" in os.environ and scheme == "dark":
            page.screenshot(path=root / "docs/watch_narrow.png")
        assert seen.said == []


def test_a_killed_run_half_a_row_and_a_vanished_folder(two_runs, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(two_runs, folder)
    job = train(folder / "killed", "epochs=200")
    with serving(folder) as address, opened(address) as (page, seen):
        wait_until(lambda: (folder / "killed/metrics.jsonl").exists())
        page.get_by_label("show killed").check()
        page.locator("#legend button", has_text="killed").wait_for()
        job.kill()
        job.wait()
        with (folder / "killed/metrics.jsonl").open("a") as file:
            file.write('{"kind": "train", "st')
        page.get_by_label("show nag").check()
        with (folder / "nag/metrics.jsonl").open("a") as file:
            file.write('{"kind": 7}\n')
        page.get_by_text("nag: 1 rows are damaged or of another version").wait_for()
        shutil.rmtree(folder / "killed")
        page.get_by_text("killed: no such run: it was removed or renamed").wait_for()
        assert page.locator(".uplot").count() == 1
        assert (seen.said_but_404(), seen.elsewhere(address)) == ([], [])


def test_a_run_is_stopped_resumed_and_deleted_from_the_page(two_runs, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    job = train(folder / "mine", "epochs=12", processes=2)
    with serving(folder, "--allow-control") as address, opened(address) as (page, seen):
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_label("stop mine").wait_for()
        wait_until(lambda: (folder / "mine/metrics.jsonl").exists())
        page.get_by_label("stop mine").click()
        assert job.wait(120) == 75
        page.get_by_label("resume mine").click()
        page.get_by_text("mine: started").wait_for()
        wait_until(lambda: (folder / "mine/summary.json").exists(), seconds=240)
        page.get_by_label("delete mine").click(timeout=120_000)
        page.get_by_text("mine: deleted").wait_for()
        assert not (folder / "mine").exists()
        assert (seen.said_but_404(), seen.elsewhere(address)) == ([], [])

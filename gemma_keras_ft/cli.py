"""`gemma-keras-ft`: the same calls as the library, from the command line."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence

import gemma_keras_ft as gkf
from gemma_keras_ft.arguments import TASKS, build_parser, settings
from gemma_keras_ft.backend import import_tensorflow_quietly
from gemma_keras_ft.console import busy, count_songs, printable, say, tell
from gemma_keras_ft.training.compilation import (
    keep_compiled_programs,
    schedule_for_memory,
)
from gemma_keras_ft.training.step_memory import share_one_heap

_TENSORFLOW_COMMANDS = ("quickstart", "show", "train", "evaluate", "generate")
# What a user can mend is told in one sentence; anything else keeps its traceback.
_USER_ERRORS = (ValueError, OSError, ImportError, RuntimeError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status.

    That is 0, or 2 for a user's error; 1 where `doctor` finds what stops or falsifies
    training, or what is planned does not fit.
    """
    arguments = build_parser().parse_args(argv)
    # TensorFlow serves the data alone; what it says of missing GPUs misleads.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        if arguments.command in _TENSORFLOW_COMMANDS:
            keep_compiled_programs()
            share_one_heap()
            if arguments.command == "train" and settings.saves_memory(arguments):
                schedule_for_memory()
            import_tensorflow_quietly()
        with _joined(arguments):
            status = _COMMANDS[arguments.command](arguments)
    except _USER_ERRORS as error:
        if arguments.traceback:
            raise
        reason = str(error) or type(error).__name__
        tell(f"gemma-keras-ft: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gemma-keras-ft: stopped.", file=sys.stderr)
        return 130
    return status or 0


@contextlib.contextmanager
def _joined(arguments: argparse.Namespace) -> Iterator[None]:
    """Joins the hosts of a job, of which the first one alone says how it goes."""
    hosts = getattr(arguments, "hosts", None)
    if hosts is None:
        yield
        return
    from gemma_keras_ft.model.hosts import is_first_host, join_hosts

    join_hosts(hosts, dead_after_seconds=arguments.host_timeout)
    if is_first_host():
        yield
        return
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def _quickstart(arguments: argparse.Namespace) -> None:
    from gemma_keras_ft.evaluation.terminal import print_summary
    from gemma_keras_ft.training.progress import progress_bars

    with progress_bars() as bars:
        results = gkf.quickstart(
            arguments.out, seed=arguments.seed, callbacks=bars, say=say
        )
    print_summary(results)


def _curate(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    def progress(records):
        return track(records, "reading and cleaning", console=Console(stderr=True))

    dataset = gkf.curate(
        arguments.sources,
        arguments.out,
        songs=arguments.songs,
        recipe=arguments.recipe,
        allow_licenses=arguments.allow_licenses or (),
        protect=arguments.protect,
        flag_lists=arguments.flag_list,
        validation=arguments.validation,
        test=arguments.test,
        keep_artists=arguments.keep_artists,
        formats=arguments.formats,
        processes=arguments.processes,
        seed=arguments.seed,
        progress=progress,
        language=arguments.language,
        script=arguments.script,
        style=arguments.style,
        source=arguments.source,
        license=arguments.license,
        era=arguments.era,
        contributor=arguments.contributor,
        consent=arguments.consent,
        no_alter=arguments.no_alter or None,
    )
    report = dataset.report
    tell(f"{report['read']} records read, {report['kept']} kept in {arguments.out}")
    for reason, count in report["set_aside_reasons"].items():
        tell(f"  {count} set aside: {reason}")
    for step, count in report["undone"].items():
        tell(f"  {count_songs(count)} left as before by {step}: a protected phrase")
    for name in ("language", "script", "style", "split"):
        counts = (f"{key} {n}" for key, n in report["counts"][name].items())
        tell(f"  {name}: {', '.join(counts)}")
    leaks = len(dataset.leaks["pairs"])
    tell(f"  leaks between splits: {leaks}")
    tell(f"version {dataset.version}; what is in it: {arguments.out}/README.md")
    if report["flags_open"]:
        tell(
            f"flagged words in {count_songs(report['flags_open'])}: "
            f"gemma-keras-ft review {shlex.quote(arguments.out)}"
        )


def _review(arguments: argparse.Namespace) -> None:
    if arguments.out:
        gkf.write_review_page(arguments.dataset, arguments.out)
        tell(
            f"{arguments.out}: open it in a browser, download the decisions, append "
            f"them to {arguments.dataset}/decisions.jsonl and curate again."
        )
        return
    gkf.serve_review(
        arguments.dataset,
        port=arguments.port,
        reviewer=arguments.reviewer,
        open_browser=not arguments.no_browser,
    )


def _show(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    with busy("laying out rows"):
        shown = gkf.show_rows(
            arguments.dataset,
            batch=arguments.batch,
            rows=arguments.rows,
            preset=arguments.preset,
            task=settings.task(arguments),
            plan=settings.plan(arguments),
            split=arguments.split,
            language=arguments.language,
            style=arguments.style,
            global_batch_size=arguments.global_batch_size,
            seed=arguments.seed,
        )
    Console().print(shown)


def _train(arguments: argparse.Namespace) -> None:
    from gemma_keras_ft.training.metrics_files import CSV, tensorboard_is_there
    from gemma_keras_ft.training.progress import describe_result, progress_bars
    from gemma_keras_ft.workflow.script_choice import describe_choice

    still_open = gkf.read_dataset(arguments.dataset).report["flags_open"]
    if still_open:
        say(
            f"Nobody has decided on the flags of {count_songs(still_open)}: "
            f"gemma-keras-ft review {shlex.quote(arguments.dataset)}"
        )
    with progress_bars() as bars:
        run = gkf.train(
            arguments.dataset,
            arguments.out,
            preset=arguments.preset,
            dtype=arguments.dtype,
            quantize=arguments.quantize,
            mesh=arguments.mesh,
            task=settings.task(arguments),
            language=arguments.language,
            style=arguments.style,
            adapter=settings.adapter(arguments),
            trainer=settings.trainer(arguments),
            plan=settings.plan(arguments),
            seed=arguments.seed,
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            callbacks=bars("training"),
            peak_flops=arguments.peak_flops,
            samples=arguments.samples,
            samples_every=arguments.samples_every,
        )
    for language, choice in run.facts["script_choice"].items():
        songs = language or "lyrics of no known language"
        tell(f"script for {songs}: {describe_choice(choice)}")
    result = run.facts["result"]
    tell(
        f"steps: {result['steps']}, in {result['seconds']:.0f} s; "
        f"run in {run.directory}"
    )
    task = "" if arguments.task in TASKS else f"--task {shlex.quote(arguments.task)} "
    for sentence in describe_result(result):
        tell(sentence)
    events = "" if tensorboard_is_there() else "; with tensorboard installed, there too"
    tell(f"curves in {run.directory}/{CSV}{events}")
    run = shlex.quote(arguments.out)
    tell(f"next: gemma-keras-ft evaluate {run} {task}--out report")


def _evaluate(arguments: argparse.Namespace) -> None:
    from gemma_keras_ft.evaluation.report import check_report_folder
    from gemma_keras_ft.evaluation.terminal import print_summary
    from gemma_keras_ft.model.hosts import is_first_host, wait_for_hosts

    check_report_folder(arguments.out)
    _know_task(arguments)
    with busy("scoring base and tuned model"):
        results = gkf.evaluate(
            arguments.run,
            dataset=arguments.dataset,
            split=arguments.split,
            samples=arguments.samples,
            seed=arguments.seed,
            preset=arguments.preset,
            mesh=arguments.mesh,
        )
    if is_first_host():
        html, _ = gkf.write_report(results, arguments.out)
        print_summary({**results, "where": {"report": str(html)}})
    wait_for_hosts("the report is written")


def _generate(arguments: argparse.Namespace) -> None:
    prompt = arguments.prompt.rstrip("\n") + "\n"
    _know_task(arguments)
    with busy("loading and generating"):
        texts = gkf.generate(
            arguments.run,
            [prompt] * arguments.count,
            generator=gkf.Generator(
                max_new_tokens=arguments.max_new_tokens,
                temperature=arguments.temperature,
                top_p=arguments.top_p,
                seed=arguments.seed,
            ),
            base=arguments.base,
            preset=arguments.preset,
            mesh=arguments.mesh,
        )
    for text in texts:
        print(printable(prompt + text.strip("\n")) + "\n")
    if gkf.read_run(arguments.run).facts["preset"] == "tiny_gemma2":
        say(
            "The tiny model was trained on scripture, and writes like it until an "
            "adapter has learned much. Pass nothing on that reads like a sacred text."
        )


def _know_task(arguments: argparse.Namespace) -> None:
    """Imports the file that defines the run's task, where one is named."""
    from gemma_keras_ft.data.tasks.task_files import import_task

    if arguments.task:
        import_task(arguments.task)


def _report(arguments: argparse.Namespace) -> None:
    html, _ = gkf.write_report(gkf.read_report(arguments.results), arguments.out)
    tell(str(html))


def _doctor(arguments: argparse.Namespace) -> int:
    from gemma_keras_ft.workflow.doctor.finding import (
        findings_json,
        has_error,
        print_findings,
    )

    say("checking this machine, which takes some ten seconds")
    findings = gkf.diagnose(arguments.preset)
    if arguments.json:
        print(findings_json(findings))
    else:
        print_findings(findings)
    return int(has_error(findings))


def _plan(arguments: argparse.Namespace) -> int:
    from gemma_keras_ft.training.planning.described import plan_json, print_plan

    with busy("compiling steps of a few blocks, which takes a minute or two"):
        plan = gkf.plan_training(
            arguments.preset,
            devices=arguments.devices,
            mesh=arguments.mesh,
            global_batch_size=arguments.global_batch_size,
            sequence_length=arguments.sequence_length,
            adapter=settings.planned_adapter(arguments),
            dtype=arguments.dtype,
            quantize=arguments.quantize,
            micro_batches=arguments.micro_batches,
            remat=arguments.remat,
        )
        nearest = None if plan.fits else gkf.nearest_that_fits(plan)
    if arguments.json:
        print(plan_json(plan, nearest))
    else:
        print_plan(plan, nearest)
    return int(not plan.fits)


_COMMANDS = {
    "quickstart": _quickstart,
    "curate": _curate,
    "review": _review,
    "show": _show,
    "train": _train,
    "evaluate": _evaluate,
    "generate": _generate,
    "report": _report,
    "doctor": _doctor,
    "plan": _plan,
}

"""What a running batch has to show so far: pages, results, manifest, and at the end the index.

Only the runner's main thread writes here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from cjlib.core.errors import EnvironmentProblem
from cjlib.core.text import LANGUAGES, t, using
from cjlib.report import cells, manifest, publish
from cjlib.report.context import ReportContext, Status
from cjlib.report.job import Executed, Verdict
from cjlib.report.plan import Batch, Job

GOOD = ("completed", "partial")


class Record:
    """The manifest of a running batch, and the pages beside it."""

    def __init__(self, batch: Batch, run_id: str) -> None:
        self.batch = batch
        self.starts: dict[str, dict[str, Any]] = {}
        jobs = [self._planned(job) for job in batch.jobs]
        older, volatile = manifest.earlier(batch.out, [job.slug for job in batch.jobs])
        self.content: dict[str, Any] = {
            "schema": manifest.SCHEMA,
            "status": "running",
            "study": batch.study,
            "title": batch.study,
            "software": manifest.software(),
            "code": dict(batch.code),
            "data": [],
            "jobs": jobs + older,
            "volatile": {
                "run_id": run_id,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "duration_s": None,
                "jobs": volatile,
            },
        }

    def _planned(self, job: Job) -> dict[str, Any]:
        old = f"{job.slug}/report.html"
        return {
            "slug": job.slug,
            "notebook": job.name,
            "notebook_sha256": job.sha256,
            "title": job.title,
            "lang": job.parameters.get("lang", ""),
            "parameters": job.parameters,
            "status": "planned",
            "reason": "",
            "failure": "",
            "failed_cell": None,
            "page": "",
            "previous": old if (self.batch.out / old).is_file() else "",
            "kpis": [],
            "notes": dict.fromkeys(cells.SEVERITIES, 0),
            "n_results": 0,
            "current": True,
        }

    def run_id_of(self, position: int) -> str:
        """Run id of the job at `position`, which its sentinel must carry."""
        return f"{self.content['volatile']['run_id']}-{position + 1:03d}"

    def save(self) -> None:
        """Write the manifest."""
        with _as_environment_problem(self.batch.out):
            publish.write_json(self.batch.out / manifest.NAME, self.content)

    def add(self, executed: Executed) -> Verdict:
        """Publish the page of a job that ended and enter it; the verdict may have become worse."""
        start = cells.start(executed.notebook)
        lang = str(start.get("lang") or executed.job.parameters.get("lang") or "en")
        with using(lang if lang.partition("_")[0] in LANGUAGES else "en"):
            verdict = self._shown(executed.verdict)
            title = cells.title(executed.notebook, executed.job.name)
            page = ""
            if verdict.status != "interrupted":
                verdict, page = self._publish(replace(executed, verdict=verdict), start, lang)
        good = verdict.status in GOOD
        if good and start:
            self.starts[executed.job.slug] = start
        entry = next(job for job in self.content["jobs"] if job["slug"] == executed.job.slug)
        entry |= {
            "title": title,
            "lang": lang,
            "status": verdict.status,
            "reason": verdict.reason,
            "failure": verdict.failure,
            "failed_cell": verdict.cell,
            "page": page,
            "previous": "" if good else entry["previous"],
            "kpis": cells.kpis(executed.notebook) if good else [],
            "notes": cells.notes(executed.notebook) if good else entry["notes"],
            "n_results": len(cells.blocks(executed.notebook, "result")),
        }
        self.content["volatile"]["jobs"][executed.job.slug] = _clock(executed)
        self.save()
        return verdict

    def _shown(self, verdict: Verdict) -> Verdict:
        folders = (self.batch.out, self.batch.folder)
        return replace(verdict, reason=manifest.without_paths(verdict.reason, *folders))

    def _publish(self, executed: Executed, start: dict[str, Any], lang: str) -> tuple[Verdict, str]:
        from cjlib.report import exporter

        context = self._context(executed, start, lang)
        try:
            page = exporter.render(executed.notebook, context)
        except Exception as problem:  # noqa: BLE001  whatever breaks one page, the others go on
            said = f"{type(problem).__name__}: {problem}"
            reason = t("The page could not be rendered: {problem}", problem=said)
            return self._shown(Verdict(status="failed", reason=reason, failure="render")), ""
        folder = self.batch.out / executed.job.slug
        try:
            publish.public_folder(folder)
            if executed.verdict.status in GOOD:
                self._write_good(folder, page, executed, context)
                return executed.verdict, f"{executed.job.slug}/report.html"
            publish.write(folder / "failed.html", page)
        except OSError as problem:
            reason = t("The page could not be written: {problem}", problem=str(problem.strerror))
            return Verdict(status="failed", reason=reason, failure="publish"), ""
        return executed.verdict, f"{executed.job.slug}/failed.html"

    def _write_good(self, folder: Path, page: str, executed: Executed, context: ReportContext) -> None:
        about = {
            "slug": context.slug,
            "title": context.title,
            "status": context.status,
            "lang": context.lang,
            "parameters": dict(context.parameters),
            "provenance": cells.strict(dict(context.provenance)),
        }
        results = cells.results(executed.notebook)
        publish.write_json(folder / "results.json", {"page": about, "results": results})
        publish.write_json(
            folder / manifest.NAME,
            {
                "schema": manifest.SCHEMA,
                **about,
                "notebook": executed.job.name,
                "notebook_sha256": executed.job.sha256,
                "notes": cells.notes(executed.notebook),
                "kpis": cells.kpis(executed.notebook),
                "volatile": _clock(executed),
            },
        )
        publish.write(folder / "report.html", page)
        (folder / "failed.html").unlink(missing_ok=True)

    def _context(self, executed: Executed, start: dict[str, Any], lang: str) -> ReportContext:
        return ReportContext(
            title=cells.title(executed.notebook, executed.job.name),
            slug=executed.job.slug,
            status=cast("Status", executed.verdict.status),
            reason=executed.verdict.reason,
            failed_cell=executed.verdict.cell,
            parameters=executed.job.parameters,
            lang=lang,
            started=executed.started,
            duration_s=executed.duration_s,
            provenance={
                "software": self.content["software"],
                "code": self.content["code"],
                **start.get("provenance", {}),
            },
            run_id=executed.run_id,
        )

    def close(self, duration_s: float) -> None:
        """Enter how the batch ended, write manifest and index."""
        from cjlib.report import index

        statuses = {job["status"] for job in self.content["jobs"] if job["current"]}
        status: Literal["interrupted", "failed", "completed"] = (
            "interrupted" if "interrupted" in statuses else "failed" if "failed" in statuses else "completed"
        )
        starts = [self.starts[job.slug] for job in self.batch.jobs if job.slug in self.starts]
        titles = [str(start["study"]) for start in starts if start.get("study")]
        self.content |= {
            "status": status,
            "title": titles[0] if titles else self.batch.study,
            "data": manifest.files_of(starts),
        }
        self.content["volatile"]["duration_s"] = round(duration_s, 3)
        self.save()
        with _as_environment_problem(self.batch.out):
            publish.write(self.batch.out / "index.html", index.render(self.content, self.batch.out))


def _clock(executed: Executed) -> dict[str, Any]:
    return {"run_id": executed.run_id, "started": executed.started, "duration_s": executed.duration_s}


@contextlib.contextmanager
def _as_environment_problem(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise EnvironmentProblem(
            f"{out} could not be written: {problem.strerror}. The reports that stood there are untouched.",
            code="CJ-RP-012",
        ) from problem

"""Canaries: identifiers planted in every source are found in no file of a report folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
CANARIES = ("zz-canary", "canary.person@example.org", "06 12 34 56 78", "FR7630006000011234567890189")
TALK = ("never quote me", "talk-id-", "coder-zoe", "coder-max")  # note, id of the interview, coders
STUDY = """
study: canary
title: Canary
zone: UTC
as_of: 2026-03-01
sources:
  events:
    - path: web.csv
      format: {separator: ";", date: "%Y-%m-%d", zone: UTC}
      columns: {customer: who, at: day, event: what}
  responses:
    - path: said.csv
      format: {separator: ";", date: "%Y-%m-%d", zone: UTC}
      columns: {customer: who, answered_at: day, score: score, comment: said}
      instrument: nps
      stage: Buy
  interviews:
    - path: talks.csv
      format: {separator: ";", date: "%Y-%m-%d", zone: UTC}
      columns: {customer: who, at: day, code: code, note: note, coder: coder, interview: nr}
journey:
  stages: [{name: Look, events: [visit]}, {name: Buy, events: [purchase]}]
funnels: [{name: buy, steps: [visit, purchase], window: 30 days}]
clocks: [{name: first, from: visit, to: purchase}]
churn: {kind: non-contractual, activity: [purchase], silence: 30 days}
say_do: [{name: buying, event: purchase}]
map: {file: canary.map.yml}
"""


def test_no_identifier_reaches_any_file_of_the_reports(root, tmp_path):
    web, said = ["who;day;what"], ["who;day;score;said"]
    for i in range(60):
        who = f"zz-canary-{i:04d}@example.org"
        web += [f"{who};2026-01-{1 + i % 28:02d};visit", f"{who};2026-02-{1 + i % 20:02d};purchase"]
        comment = f"Late parcel {CANARIES[1]} {CANARIES[2]} {CANARIES[3]} nr {i}"
        said.append(f"{who};2026-02-{1 + i % 27:02d};{i % 11};{comment}")
    talks = ["who;day;code;note;coder;nr"]
    for i in range(24):
        note = f"Long talk with {CANARIES[1]} on {CANARIES[2]}, {TALK[0]}"
        rest = f"{('fees', 'waiting', 'account')[i % 3]};{note}"
        talks += [f"zz-canary-{i:04d}@example.org;2026-02-{1 + i:02d};{rest};{who};{TALK[1]}{i}" for who in TALK[2:]]
    (tmp_path / "talks.csv").write_text("\n".join(talks) + "\n", encoding="utf-8")
    (tmp_path / "web.csv").write_text("\n".join(web) + "\n", encoding="utf-8")
    (tmp_path / "said.csv").write_text("\n".join(said) + "\n", encoding="utf-8")
    (tmp_path / "canary.yml").write_text(STUDY, encoding="utf-8")
    lanes = 'stages: {Buy: {pains: [{text: Late parcels, pattern: "Late"}]}}\n'
    (tmp_path / "canary.map.yml").write_text(lanes, encoding="utf-8")
    environment = {**os.environ, "CJ_KEY": "a secret key canary", "CJLIB_CACHE": str(tmp_path / "cache")}
    command = [BIN / "cj", "run", "canary.yml", "--out", "reports", "--keep"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    published = [p for p in (tmp_path / "reports").rglob("*") if p.is_file() and ".runs" not in p.parts]
    assert len(published) >= 16
    for path in published:
        text = path.read_text(encoding="utf-8")
        for canary in (*CANARIES, *TALK, "a secret key canary", str(tmp_path)):
            assert canary not in text, (path.name, canary)
    page = (tmp_path / "reports" / "90-journey-map" / "report.html").read_text(encoding="utf-8")
    assert "Late parcel [e-mail]" in page  # the quote is there, redacted
    told = (tmp_path / "reports" / "80-voice-of-customer" / "report.html").read_text(encoding="utf-8")
    assert "24 interviews with 24 people, 3 codes." in told  # read, and nothing of the notes is shown

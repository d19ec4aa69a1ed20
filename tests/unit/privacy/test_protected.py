"""Lists of persons: one file, for its owner only."""

from __future__ import annotations

import csv
import os
import subprocess

import pytest

from cjlib.core.errors import EnvironmentProblem, ParameterError
from cjlib.privacy.protected import write_rows


def test_only_the_owner_may_read_the_file_whatever_the_mask(tmp_path):
    path = tmp_path / "people-protected.csv"
    old = os.umask(0)
    try:
        assert write_rows(path, ["type", "pseudonym"], [("a", "b")]) == path
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8") == "type,pseudonym\na,b\n"


def test_an_open_file_in_the_place_is_replaced_not_filled(tmp_path):
    path = tmp_path / "people-protected.csv"
    path.write_text("old")
    path.chmod(0o644)
    write_rows(path, ["type"], [])
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_link_in_the_place_is_replaced_not_followed(tmp_path):
    target = tmp_path / "elsewhere.csv"
    target.write_text("theirs")
    path = tmp_path / "people-protected.csv"
    path.symlink_to(target)
    write_rows(path, ["type"], [])
    assert target.read_text() == "theirs"
    assert not path.is_symlink()


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1"])
def test_no_cell_is_run_as_a_formula(tmp_path, cell):
    path = write_rows(tmp_path / "people-protected.csv", ["type"], [[cell]])
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1] == ["'" + cell.strip()]


@pytest.mark.parametrize("name", ["people.csv", "people-protected.csv.txt", "protected.csv"])
def test_a_name_that_git_would_not_ignore_is_refused(tmp_path, name):
    with pytest.raises(ParameterError, match=r"-protected\.csv") as caught:
        write_rows(tmp_path / name, ["type"], [])
    assert caught.value.code == "CJ-PV-004"
    assert not list(tmp_path.iterdir())


def test_git_ignores_protected_files(root):
    done = subprocess.run(["git", "check-ignore", "-q", "any/people-protected.csv"], cwd=root, check=False)
    assert done.returncode == 0


def test_a_folder_that_is_not_there_is_told_in_one_sentence(tmp_path):
    with pytest.raises(EnvironmentProblem, match="cannot be written") as caught:
        write_rows(tmp_path / "no" / "people-protected.csv", ["type"], [])
    assert caught.value.code == "CJ-PV-005"

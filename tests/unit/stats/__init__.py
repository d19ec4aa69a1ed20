"""Tests of the estimators; a package, so that its module names cannot meet those of another folder."""

"""Fail unless the wheel holds the package and nothing else, and the package imported here is the installed one."""

import sys
from zipfile import ZipFile

import gradcheck

if __name__ == "__main__":
    names = ZipFile(sys.argv[1]).namelist()
    strays = [
        name for name in names if not name.startswith(("gradcheck/", f"gradcheck-{gradcheck.__version__}.dist-info/"))
    ]
    if strays or "gradcheck/py.typed" not in names:
        sys.exit(f"the wheel must hold gradcheck/ with py.typed and nothing else; strays: {strays}")
    if "site-packages" not in str(gradcheck.__file__):
        sys.exit(f"gradcheck was imported from {gradcheck.__file__}, not from the installed wheel")
    print(f"gradcheck {gradcheck.__version__}: {len(names)} files in the wheel")

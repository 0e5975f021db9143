"""The line that replays a check, broken so that it can still be copied."""

from gradcheck.report.paper import Paper, columns

_KEY = "replay  "


def replay_lines(line: str, paper: Paper) -> list[str]:
    """Write the line that replays a check so that it can be copied: a shell command is continued with backslashes."""
    if not line:
        return []
    command = paper.clean(line)
    if columns(_KEY + command) <= paper.width:
        return [_KEY + command]
    return [_KEY.rstrip(), *_continued(command, paper.width)]


def _continued(command: str, room: int) -> list[str]:
    """Break a command at spaces outside quotes, each line but the last ending in a backslash."""
    lines = [""]
    for word in _unquoted_words(command):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and len(longer) > room - 2:
            lines.append(f"  {word}")
        else:
            lines[-1] = longer
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _unquoted_words(command: str) -> list[str]:
    words, quote = [""], ""
    for character in command:
        if character == " " and not quote:
            words.append("")
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        words[-1] += character
    return _options_with_values([word for word in words if word])


def _options_with_values(words: list[str]) -> list[str]:
    """Join `--option value`, which is read as one."""
    joined: list[str] = []
    for word in words:
        follows = joined and joined[-1].startswith("--") and not word.startswith("-") and " " not in joined[-1]
        joined[len(joined) - bool(follows) :] = [f"{joined[-1]} {word}" if follows else word]
    return joined

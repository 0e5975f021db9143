"""The style sheet of the page: light and dark by the reader's preference, readable in a narrow window."""

STYLE = """
.gradcheck { color-scheme: light dark; --surface: #fff; --raised: #f6f7f9; --text: #1c2128; --muted: #59636e;
  --line: #d5dae1; --good: #0b6b34; --good-surface: #def5e6; --bad: #a81b1b; --bad-surface: #fde6e4;
  --open: #7a4b00; --open-surface: #fdf0d2; --warm: #c4480c; --cold: #1f5fbf; --empty: #eceff3;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
  color: var(--text); background: var(--surface); }
@media (prefers-color-scheme: dark) { .gradcheck { --surface: #14171c; --raised: #1d2229; --text: #e4e8ee;
  --muted: #9aa5b2; --line: #363d47; --good: #7ee2a1; --good-surface: #12351f; --bad: #ff9c94;
  --bad-surface: #4a1714; --open: #f3c56b; --open-surface: #402d07; --warm: #ff8f4d; --cold: #6ea8ff;
  --empty: #262c35; } }
body.gradcheck { margin: 0; padding: 1.5rem clamp(.75rem, 4vw, 3rem); }
.gradcheck main { max-width: 62rem; margin: 0 auto; }
.gradcheck h1 { font-size: 1.3rem; margin: 0 0 .75rem; }
.gradcheck h2 { font-size: 1.1rem; margin: 0; line-height: 1.4; overflow-wrap: anywhere; }
.gradcheck h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; overflow-wrap: anywhere; }
.gradcheck p { margin: .3rem 0; overflow-wrap: anywhere; }
.gradcheck article { border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem; margin: 1rem 0; }
.gradcheck summary { cursor: pointer; color: var(--muted); }
.gradcheck .muted { color: var(--muted); }
.gradcheck .badge { display: inline-block; font-weight: 700; font-size: .8rem; letter-spacing: .03em;
  padding: .1rem .55rem; border-radius: 4px; margin-right: .6rem; white-space: nowrap; vertical-align: 2px; }
.gradcheck .green { color: var(--good); background: var(--good-surface); }
.gradcheck .red { color: var(--bad); background: var(--bad-surface); }
.gradcheck .yellow { color: var(--open); background: var(--open-surface); }
.gradcheck .dim { color: var(--muted); background: var(--raised); }
.gradcheck .scroll { overflow-x: auto; margin: .4rem 0; }
.gradcheck table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; color: inherit; }
.gradcheck th, .gradcheck td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; background: none; white-space: nowrap; }
.gradcheck td.free { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; }
.gradcheck th { color: var(--muted); font-weight: 600; }
.gradcheck dl { display: grid; grid-template-columns: minmax(6rem, max-content) minmax(0, 1fr); gap: .25rem 1rem;
  margin: .4rem 0; }
.gradcheck dt { color: var(--muted); }
.gradcheck dd { margin: 0; overflow-wrap: anywhere; }
.gradcheck pre { background: var(--raised); color: inherit; border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .8rem; margin: .4rem 0; overflow-x: auto; font-size: .85rem; line-height: 1.45; }
.gradcheck dd pre { margin: 0; }
.gradcheck code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: inherit; background: none; }
.gradcheck .maps { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; margin: .6rem 0; }
.gradcheck figure { margin: 0; max-width: 100%; }
.gradcheck figcaption { font-size: .85rem; color: var(--muted); max-width: 17rem; }
.gradcheck svg { display: block; max-width: 100%; height: auto; margin-bottom: .3rem; }
.gradcheck a { color: inherit; }
.gradcheck ul { margin: .3rem 0; padding: 0; list-style: none; }
.gradcheck li { margin: .5rem 0; overflow-wrap: anywhere; }
@media (max-width: 36rem) { .gradcheck dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .gradcheck dd { margin-bottom: .5rem; } .gradcheck article { padding: .8rem .8rem; } }
@media print { .gradcheck article { break-inside: avoid; } .gradcheck pre { white-space: pre-wrap; } }
"""

# SPDX-License-Identifier: BSD-2-Clause
"""The tables of ./nos bench, from the figures alone."""
import math

MODE_NAMES = {'off': 'mitigations=off', 'pti': 'pti=on'}

# ns in a control row of 1000: Linux calibrates its clock to some parts in a thousand at worst.
CLOCK_TOLERANCE = 3


def geometric_mean(values):
    values = [value for value in values if value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def number(value):
    if value is None:
        return '-'
    return f'{value:,.1f}' if value < 100 else f'{value:,.0f}'


def is_above(value):
    """More than Linux, to the two decimals that a table shows."""
    return round(value, 2) > 1.0


def ratio_text(value):
    return '-' if value is None else f'{value:.2f}{"!" if is_above(value) else " "}'


def is_counted(name):
    """Control rows prove the clocks; they are no part of a mean."""
    return not name.startswith('control.')


def names_of(part):
    """Every row of a part, in the order of the program."""
    return list(dict.fromkeys(name for found in part.values()
                              for name in (*found['rows'], *found['why'])))


def best_linux(part, name):
    """(instructions, series) of the best Linux, or (None, '')."""
    found = [(result['rows'][name], series) for series, result in part.items()
             if series != 'nos' and name in result['rows']]
    return min(found) if found else (None, '')


def compare(part, name):
    """(NOS, best Linux, its series, ratio); what is missing is None."""
    nos = part.get('nos', {}).get('rows', {}).get(name)
    linux, series = best_linux(part, name)
    # The smallest time the clock shows is a tenth of a nanosecond.
    ratio = max(nos, 0.1) / max(linux, 0.1) if nos is not None and linux is not None else None
    return nos, linux, series, ratio


def lay_out(rows):
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ['  '.join(cell.ljust(w) if i == 0 else cell.rjust(w)
                      for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in rows]


def rows_table(figures):
    """Every row: instructions in each mode, and the wall clock's ratio beside them."""
    modes = figures.get('icount', {})
    wall = figures.get('wall')
    parts = list(modes.values()) + ([wall] if wall else [])
    if not parts:
        return []
    head, below = [''], ['ns or instructions per operation']
    for mode in modes:
        head += [MODE_NAMES[mode], '', '', '']
        below += ['NOS', 'Linux', 'best', 'ratio']
    if wall:
        head.append('wall')
        below.append('ratio')
    rows = [head, below]
    ratios = [[] for _ in parts]
    for name in list(dict.fromkeys(name for part in parts for name in names_of(part))):
        row = [name]
        for i, part in enumerate(parts):
            nos, linux, series, ratio = compare(part, name)
            if ratio is not None and is_counted(name):
                ratios[i].append(ratio)
            row += ([number(nos), number(linux), series] if part is not wall else [])
            row.append(ratio_text(ratio))
        rows.append(row)
    rows.append(means(parts, ratios, wall))
    return lay_out(rows) + verdicts(parts, modes, ratios)


def clock_verdicts(modes):
    """A control row is 1,000 instructions: who shows another time has a clock that lies."""
    lines = []
    for mode, part in modes.items():
        for system, found in part.items():
            lies = {name: value for name, value in found['rows'].items()
                    if name.startswith('control.loop') and abs(value - 1000) > CLOCK_TOLERANCE}
            who = 'NOS' if system == 'nos' else f'Linux {system}'
            lines += [f'{MODE_NAMES[mode]}, {who}: THE CLOCK IS WRONG: {name} took {value} ns for '
                      '1000 instructions' for name, value in lies.items()]
    return lines


def means(parts, ratios, wall):
    row = ['geometric mean']
    for part, values in zip(parts, ratios):
        row += ['', '', ''] if part is not wall else []
        row.append(ratio_text(geometric_mean(values)))
    return row


def verdicts(parts, modes, ratios):
    lines = []
    titles = [MODE_NAMES[mode] for mode in modes] + ['wall clock']
    for title, values in zip(titles, ratios):
        if values:
            above = sum(map(is_above, values))
            lines.append(f'{title}: {len(values)} rows compared, {above} above 1.00, '
                         f'geometric mean {geometric_mean(values):.3f}')
    for title, part in zip(titles, parts):
        for system, found in part.items():
            who = 'NOS' if system == 'nos' else f'Linux {system}'
            lines += [f'{title}, {who}, {name}: {why}' for name, why in found['why'].items()]
            if not found['ended']:
                lines.append(f'{title}, {who}: not every boot reached the end')
    return lines + clock_verdicts(modes)


def mitigations_table(figures):
    """What each kernel says of itself, where the two sides can be compared."""
    lines = []
    for mode, part in figures.get('icount', {}).items():
        for system, found in part.items():
            who = 'NOS' if system == 'nos' else f'Linux {system}'
            said = '; '.join(f'{name}: {text}' for name, text in found['mitigations'].items())
            lines.append(f'{MODE_NAMES[mode]}, {who}: {said or "says nothing"}')
    return lines


def boot_table(figures):
    rows = [['boot, icount', 's of virtual time to init', 'MiB taken of 512']]
    for system, found in figures.get('boot', {}).items():
        who = 'NOS' if system == 'nos' else f'Linux {system}'
        seconds = f'{found["boot"] / 1e9:.3f}' if found['boot'] is not None else '-'
        taken = f'{512 - found["mem"][1] / 1024:.1f}' if found['mem'] else '-'
        rows.append([who, seconds, taken])
    return lay_out(rows) if len(rows) > 1 else []


def smp_table(figures):
    """By the wall clock: what NOS takes of the time of Linux on as many virtual processors."""
    smp = figures.get('smp')
    if not smp:
        return []
    series = figures['wall_series']
    head = ['wall clock, ms a round']
    for count in smp:
        head += [f'{count} CPU: NOS', 'Linux', 'ratio']
    rows = [head]
    names = list(dict.fromkeys(name for part in smp.values() for name in names_of(part)))
    for name in names:
        row = [name]
        for part in smp.values():
            nos, linux, _, ratio = compare({k: v for k, v in part.items() if k in ('nos', series)},
                                           name)
            row += [number(nos and nos / 1e6), number(linux and linux / 1e6), ratio_text(ratio)]
        rows.append(row)
    return lay_out(rows)


def allocators_table(figures):
    """Millions of blocks a second on this machine; the best of NOS' rivals is what it must beat."""
    rows = [['allocators, host home, millions/s', 'CPUs', 'NOS', 'malloc', 'locked buddy', 'NOS/best']]
    for name, cpus, found in figures.get('allocators', []):
        best = max(value for who, value in found.items() if who != 'NOS')
        rows.append([name, str(cpus), f'{found["NOS"]:.1f}', f'{found["malloc"]:.1f}',
                     f'{found["locked"]:.1f}', f'{found["NOS"] / best:.2f}'])
    return lay_out(rows) if len(rows) > 1 else []


def reference(figures):
    """Markdown: every Linux, row by row. What docs/results.md keeps."""
    part, series = figures['icount'], list(figures['linux'])
    head = ['row'] + [f'{one}, {mode}' for mode in part for one in series]
    lines = [f"{figures['qemu']}; Debian's " + ', '.join(figures['linux'].values()) + '.', '',
             '| ' + ' | '.join(head) + ' |', '|---' + '|---:' * (len(head) - 1) + '|']
    for name in list(dict.fromkeys(name for found in part.values() for name in names_of(found))):
        cells = [name]
        for mode in part.values():
            best, _ = best_linux(mode, name)
            for one in series:
                value = mode[one]['rows'].get(name)
                cells.append(f'**{number(value)}**' if value == best else number(value))
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def is_complete(figures):
    """Every boot of every part reached its end."""
    parts = [*figures.get('icount', {}).values(), *figures.get('smp', {}).values(),
             figures.get('wall', {}), figures.get('boot', {})]
    return all(found['ended'] for part in parts for found in part.values())


def report(figures):
    linux = ', '.join(figures['linux'].values())
    blocks = [[f"{figures['qemu']}; Debian's Linux {linux}; program {figures['programs']}"],
              rows_table(figures), mitigations_table(figures), boot_table(figures),
              smp_table(figures), allocators_table(figures)]
    return '\n\n'.join('\n'.join(block) for block in blocks if block)

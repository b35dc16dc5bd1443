# SPDX-License-Identifier: BSD-2-Clause
"""gdb commands for NOS; `./nos debug` loads them. `help user-defined` and `help nos-cpus` work."""
import gdb

WORD = 8
STATES = 'running sleep-intr sleep-kill sleep-unintr stopped woken new dead'.split()


def value(text):
    """The value of a C expression, or None."""
    try:
        return gdb.parse_and_eval(text)
    except gdb.error:
        return None


def memory(address, count):
    """@count words at @address; fewer when the memory ends."""
    try:
        data = gdb.selected_inferior().read_memory(address, count * WORD)
    except gdb.MemoryError:
        return []
    raw = bytes(data)
    return [int.from_bytes(raw[i:i + WORD], 'little') for i in range(0, len(raw), WORD)]


def cpu_count():
    count = value('nr_cpus')
    if count is not None:
        return int(count)
    return len(gdb.selected_inferior().threads())


def per_cpu(name, cpu):
    """The copy of the per-CPU variable @name of @cpu."""
    here = gdb.parse_and_eval(f'&{name}')
    offset = int(gdb.parse_and_eval(f'per_cpu_offset[{cpu}]'))
    return gdb.Value((int(here) + offset) % 2**64).cast(here.type).dereference()


def place(address):
    """`function+0x12 (file.c:34)` of a code address, or None."""
    block = gdb.execute(f'info symbol {address:#x}', to_string=True).strip()
    if block.startswith('No symbol'):
        return None
    line = gdb.find_pc_line(address)
    where = f' ({line.symtab.filename.replace("../", "")}:{line.line})' if line.symtab else ''
    return block.split(' in section')[0].replace(' ', '') + where


def in_code(address):
    start, end = value('(unsigned long)&__image_start'), value('(unsigned long)&__text_end')
    if start is None or end is None:
        return place(address) is not None
    return int(start) <= address < int(end)


def list_entries(head, kind, member):
    """Every element of the struct list_head @head, as @kind, linked by @member."""
    kind = gdb.lookup_type(kind)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    node, end = head['next'], int(head.address)
    for _ in range(100000):
        if int(node) in (0, end):
            return
        yield gdb.Value(int(node) - offset).cast(kind.pointer())
        node = node['next']


def threads():
    head = value('all_threads')
    return list(list_entries(head, 'struct thread', 'all_link')) if head is not None else []


def describe(thread):
    state = int(thread['state'])
    what = value(f'(char *){int(thread["wait_what"])}') if int(thread['wait_what']) else None
    waits = f' in {what.string()}' if what is not None else ''
    return (f'{int(thread):#x} {thread["name"].string():16} cpu {int(thread["cpu"])} '
            f'{STATES[state] if state < len(STATES) else state}'
            f'{" on a queue" if int(thread["on_rq"]) else ""}{waits}')


class Cpus(gdb.Command):
    """nos-cpus: what each CPU runs and where it is."""

    def __init__(self):
        super().__init__('nos-cpus', gdb.COMMAND_USER)

    def invoke(self, _argument, _from_tty):
        selected = gdb.selected_thread()
        by_number = {t.num - 1: t for t in gdb.selected_inferior().threads()}
        for cpu in range(cpu_count()):
            line = f'cpu {cpu}'
            if cpu in by_number:
                by_number[cpu].switch()
                pc = int(gdb.selected_frame().pc())
                line += f' at {place(pc) or hex(pc)}'
            try:
                current = per_cpu('current_thread', cpu)
                if int(current):
                    line += f', runs {current["name"].string()} {int(current):#x}'
            except gdb.error:
                pass
            print(line)
        if selected:
            selected.switch()


class Threads(gdb.Command):
    """nos-threads [TEXT]: every thread, or those with TEXT in their line."""

    def __init__(self):
        super().__init__('nos-threads', gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        found = [describe(t) for t in threads()]
        for line in found:
            if argument in line:
                print(line)
        print(f'{len(found)} threads')


class Backtrace(gdb.Command):
    """nos-bt THREAD: the return addresses on the stack of a thread that does not run.

    THREAD is an address or a name. Old addresses that were not overwritten show up too.
    """

    def __init__(self):
        super().__init__('nos-bt', gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        chosen = [t for t in threads() if t['name'].string() == argument]
        if not chosen:
            chosen = [gdb.parse_and_eval(f'(struct thread *)({argument})')]
        for thread in chosen:
            print(describe(thread))
            if int(thread['on_cpu']):
                print('    it is running: use bt on its CPU')
                continue
            low, high = int(thread['arch']['sp']), int(thread['arch']['stack_top'])
            for word in memory(low, max(0, min(high - low, 65536)) // WORD):
                if in_code(word):
                    print(f'    {word:#x} {place(word)}')


class Log(gdb.Command):
    """nos-log [N]: the last N records of the kernel log (all by default)."""

    def __init__(self):
        super().__init__('nos-log', gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        first, last = (int(gdb.parse_and_eval(f"'kernel/debug/log.c'::{n}")) if value(
            f"'kernel/debug/log.c'::{n}") is not None else int(gdb.parse_and_eval(n))
            for n in ('first_seq', 'next_seq'))
        if argument:
            first = max(first, last - int(argument))
        descs, text = gdb.parse_and_eval('descs'), gdb.parse_and_eval('text')
        ndesc = descs.type.range()[1] + 1
        size = text.type.range()[1] + 1
        base = int(text.address)
        for seq in range(first, last):
            record = descs[seq % ndesc]
            length = int(record['len'])
            data = b''
            if length:
                data = bytes(gdb.selected_inferior().read_memory(
                    base + int(record['pos']) % size, length))
            nanoseconds = int(record['time_ns'])
            print(f'[{nanoseconds / 1e9:12.6f}] {data.decode("utf-8", "replace")}')


class Symbol(gdb.Command):
    """nos-at ADDRESS...: function and line of code addresses, from a panic say (with nokaslr)."""

    def __init__(self):
        super().__init__('nos-at', gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        for word in gdb.string_to_argv(argument):
            address = int(gdb.parse_and_eval(word))
            print(f'{address:#x} {place(address) or "is not code"}')


for command in (Cpus, Threads, Backtrace, Log, Symbol):
    command()
gdb.execute('set pagination off')
gdb.execute('set print pretty on')
gdb.execute('set disassembly-flavor intel')
print('NOS: nos-cpus, nos-threads, nos-bt THREAD, nos-log [N], nos-at ADDRESS; hbreak panic')

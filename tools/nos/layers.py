# SPDX-License-Identifier: BSD-2-Clause
"""Who may use whom: the table of the architecture, for headers and for symbols alike."""
import re

CORE = ('init', 'mm', 'sched', 'sync', 'time', 'irq', 'ipc', 'debug')
PERSONALITY = ('vm', 'proc', 'vfs', 'block', 'io', 'net', 'security', 'linux')

# Headers of the kernel that arch/X may include: the few that the kernel opens to it.
OPEN_TO_ARCH = {
    'init/main.h', 'init/param.h', 'debug/kasan.h', 'debug/log.h', 'debug/panic.h', 'debug/symtab.h', 'irq/irq.h',
    'mm/slab.h', 'sched/sched.h', 'mm/page.h', 'mm/kmap.h', 'mm/percpu.h', 'mm/uaccess.h', 'sched/preempt.h', 'sched/thread.h',
    'sched/smp_call.h', 'sync/spinlock.h', 'sync/lockdep.h', 'sync/rank.h', 'time/clock.h',
    'time/vvar.h',
}

# Of <linux/*.h>, those that are the kernel's own and not the UAPI's.
OWN_LINUX = {'linux/syscall.h'}

# What the core and arch may call of the personality: the upcalls. A new one needs a line here and a
# reason in the header that declares it.
UPCALLS = {
    'user_start',             # kernel/init ends by starting process 1
    'trap_user_fault',        # faults and exceptions of user mode become signals
    'trap_user_exception',
    'oom_kill',               # no memory is left: a process ends
    'vm_commit_is_privileged',  # the last of the memory that may be promised is root's
    'vm_low_is_privileged',   # and so are the lowest addresses
    'thread_signal_pending',  # sleeping waits end on a signal
    'thread_kill_pending',
    'task_tick',              # a running thread's CPU clocks have moved on
    'syscall_dispatch',       # the entry code's one door in,
    'return_to_user_work',    # and what signals and notifications want before the way out
}

# Headers of the personality that the core may include, and what they declare it may call.
OPEN_TO_CORE = {
    'kernel/include/security/random.h',  # the one random source: layout randomisation, hash keys
}

# Parts that several components share: not placed, no instance, no state.
COMPONENT_PARTS = {'comp:drv/virtio'}

# What every layer may refer to: the compiler's own calls.
COMPILER = re.compile(r'^(__stack_chk_(fail|guard)|__x86_indirect_thunk_\w+|__ubsan_handle_\w+|__asan_\w+|'
                      r'_GLOBAL_OFFSET_TABLE_|mem(cpy|move|set|cmp))$')


def layer_of(path):
    """The layer of a file of the tree, by its path from the root; None for what has none."""
    parts = path.split('/')
    if parts[0] in ('lib', 'abi', 'boot', 'user', 'tests', 'bench', 'verify'):
        return parts[0]
    if path.startswith('tools/config/'):
        return 'lib'
    if path.startswith('tools/'):
        return 'tools'
    if parts[0] == 'arch':
        return 'contract' if parts[1] == 'include' else 'arch'
    if parts[0] == 'port':
        return 'port'
    if parts[0] == 'env':
        return 'env' if parts[1] == 'include' else f'env-{parts[1]}'
    if parts[0] == 'components':
        return 'comp:' + '/'.join(parts[1:3])
    if parts[0] == 'kernel':
        topic = parts[2] if parts[1] == 'include' else parts[1]
        if topic in CORE:
            return 'core'
        if topic in PERSONALITY:
            return 'personality'
    return None


ALLOWED = {
    'lib': {'lib'},
    'abi': {'abi', 'lib'},
    'arch': {'lib', 'contract', 'arch', 'boot', 'abi', 'core'},
    'boot': {'lib', 'contract', 'arch', 'boot', 'abi', 'core'},
    'core': {'lib', 'contract', 'arch', 'core', 'abi'},
    'personality': {'lib', 'contract', 'arch', 'core', 'abi', 'port', 'personality', 'env'},
    'port': {'lib', 'abi', 'port', 'env'},
    'env': {'lib', 'env', 'abi'},
    'env-host': {'lib', 'abi', 'env', 'port', 'env-host', 'env-sim', 'contract', 'arch'},
    'env-sim': {'lib', 'abi', 'env', 'port', 'env-host', 'env-sim', 'contract', 'arch'},
    'env-user': {'lib', 'abi', 'env', 'port', 'env-user'},
}


def may_use(source, header):
    """May a file of the layer of @source include @header? Both are paths from the root."""
    mine, theirs = layer_of(source), layer_of(header)
    if mine is None or theirs is None:
        return True
    if mine == 'env-kern':
        return True
    if mine.startswith('comp:'):
        return theirs in ('lib', 'abi', 'env', 'port', mine) or theirs in COMPONENT_PARTS
    if mine not in ALLOWED or theirs in ALLOWED[mine]:
        return True
    if mine in ('core', 'arch', 'boot') and header in OPEN_TO_CORE:
        return True
    return False


def may_name(source, name):
    """May @source say `#include <name>` itself? What that header opens in turn is not asked here.

    The insides of a processor are the contract's; arch and boot see the headers opened to them.
    """
    if is_test(source):
        return True
    mine = layer_of(source)
    if name.startswith(('arch_impl/', 'arch_x86/')):
        return mine in ('arch', 'contract', 'boot')
    if mine in ('arch', 'boot') and name.split('/')[0] in CORE + PERSONALITY:
        return name in OPEN_TO_ARCH or name.startswith('linux/') and name not in OWN_LINUX
    return True


def is_test(path):
    return re.search(r'(_test|_fuzz|_cbmc|/test_\w+|_stub)\.[ch]$', path) is not None

/* SPDX-License-Identifier: BSD-2-Clause */
/* The symbol table of the first link; what tools/build/gen-symtab emits takes its place. */
	.section .rodata.symtab, "a", @progbits
	.balign	4
	.globl	symtab_kernel
	.hidden	symtab_kernel
	.type	symtab_kernel, @object
symtab_kernel:
	.long	0, 0, 0
	.size	symtab_kernel, . - symtab_kernel
	.section .note.GNU-stack, "", @progbits

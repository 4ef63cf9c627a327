/*
 * The replayer's way in, its notes, its hypercalls, and accesses that may fault.
 */
	.section .text.hypercalls, "ax"
	.balign 4096
hypercall_page:
	.skip 4096

	.text
	.globl entry, start_secondary
entry:
	lea stacks + 0x8000(%rip), %rsp
	mov %rsi, %rdi
	cld
	call main
start_secondary:
	cld
	call secondary

	/* long hypercall(long nr, u64 a, u64 b, u64 c, u64 d) */
	.globl hypercall
hypercall:
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	shl $5, %eax
	lea hypercall_page(%rip), %r11
	add %r11, %rax
	jmp *%rax

	/* u64 access_read(u64 va, u64 *value), access_write(u64 va, u64 value): 0, or vector << 32 | error code. */
	.globl access_read, access_write, page_fault, general_protection
accesses:
access_read:
	mov (%rdi), %rax
	mov %rax, (%rsi)
	xor %eax, %eax
	ret
access_write:
	mov %rsi, (%rdi)
	xor %eax, %eax
	ret
accesses_end:

	/* Xen has pushed rcx, r11, the error code, and a frame as for iret. */
page_fault:
	mov $14, %ecx
	jmp fault
general_protection:
	mov $13, %ecx
fault:
	mov 16(%rsp), %eax
	mov 24(%rsp), %rdx
	lea accesses(%rip), %r11
	cmp %r11, %rdx
	jb stray
	lea accesses_end(%rip), %r11
	cmp %r11, %rdx
	jae stray
	mov 48(%rsp), %rsp
	shl $32, %rcx
	or %rcx, %rax
	ret
stray:
	mov %rcx, %rdi
	mov %rax, %rsi
	call died

	.bss
	.balign 4096
	.globl stacks
stacks:
	.skip 0x10000

	.macro note type, text:vararg
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	\text
2:	.balign 4
	.endm
	.section .note.Xen, "a", @note
	note 6, .asciz "pvtwin replayer"		/* GUEST_OS */
	note 8, .asciz "generic"			/* LOADER */
	note 5, .asciz "xen-3.0"			/* XEN_VERSION */
	note 9, .asciz "yes"				/* PAE_MODE */
	note 3, .quad 0xffffffff80000000		/* VIRT_BASE */
	note 1, .quad entry				/* ENTRY */
	note 2, .quad hypercall_page			/* HYPERCALL_PAGE */
	/* SUPPORTED_FEATURES: dom0, and that no L4 is shared */
	note 17, .long 1 << 11 | EXCLUSIVE_L4 << 21
	.section .note.GNU-stack, "", @progbits

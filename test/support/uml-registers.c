/*
 * For user-mode Linux on processors whose register state has grown beyond what its kernel reserves (Intel AMX: 11,008 octets, it knows
 * 2,696). PTRACE_SETREGSET of NT_X86_XSTATE wants the whole state (ptrace(2); EFAULT for less), so that the guest panics at its first
 * process. Loaded with LD_PRELOAD, this completes what the guest gives with what the process has: the guest never uses the rest.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(int request, pid_t pid, void *address, void *data);

long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_function next;
	static __thread char whole[65536] __attribute__((aligned(64)));
	va_list arguments;
	va_start(arguments, request);
	pid_t pid = va_arg(arguments, pid_t);
	void *address = va_arg(arguments, void *);
	void *data = va_arg(arguments, void *);
	va_end(arguments);

	if (next == NULL)
		next = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
		struct iovec *given = data;
		struct iovec full = { whole, sizeof whole };
		if (next(PTRACE_GETREGSET, pid, address, &full) == 0 && full.iov_len > given->iov_len) {
			memcpy(whole, given->iov_base, given->iov_len);
			return next(request, pid, address, &full);
		}
	}
	return next(request, pid, address, data);
}

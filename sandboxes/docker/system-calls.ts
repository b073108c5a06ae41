/**
 * The system calls that a command may make, whatever the engine's own filter
 * allows: what ordinary programs need of a 64-bit Linux. Left out are calls
 * that need a right nobody has inside, and parts of the kernel that namespaces
 * do not divide or that are known for their holes: io_uring, bpf, performance
 * events, userfaultfd, keyrings, handles, tracing, memory policy.
 */
const allowed: readonly string[] = `
  access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
  fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
  fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr ioctl lchown
  lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat
  newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead
  readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile setxattr splice stat statfs statx
  symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice
  write writev

  epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 inotify_add_watch
  inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit
  poll ppoll pselect6 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime

  brk cachestat madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect
  mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages

  arch_prctl capget capset execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv
  futex_wake get_robust_list getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority
  getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill landlock_add_rule
  landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64
  restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
  sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
  sched_setscheduler sched_yield seccomp set_robust_list set_tid_address setfsgid setfsuid setgid setgroups
  setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack sysinfo tgkill
  times tkill uname vfork wait4 waitid

  alarm clock_getres clock_gettime clock_nanosleep getitimer getrandom gettimeofday nanosleep setitimer time
  timer_create timer_delete timer_getoverrun timer_gettime timer_settime

  accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg
  sendto setsockopt shutdown socketpair

  mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget
  semop semtimedop shmat shmctl shmdt shmget
`
  .trim()
  .split(/\s+/);

const families = { unix: 1, internet: 2, internet6: 10, netlink: 16 };
const netlinkRoute = 0;
const newNamespace = 0x7e020000;
const functionNotImplemented = 38;

const equals = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' });
const allow = (names: readonly string[], ...args: readonly object[]) => ({ names, action: 'SCMP_ACT_ALLOW', args });

/**
 * The filter as the engine takes it. What is not named fails as if the kernel
 * had no such call. The calls of another word size are none of these.
 */
export const systemCallFilter = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  archMap: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'].map((architecture) => ({ architecture, subArchitectures: [] })),
  syscalls: [
    allow(allowed),
    allow(['clone'], { index: 0, value: newNamespace, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
    // Its flags lie in memory, where no filter can look; libraries then use the older call.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: functionNotImplemented },
    allow(['personality'], equals(0, 0)),
    allow(['personality'], equals(0, 0xffffffff)),
    allow(['socket'], equals(0, families.unix)),
    allow(['socket'], equals(0, families.internet)),
    allow(['socket'], equals(0, families.internet6)),
    // For a look at its own interfaces.
    allow(['socket'], equals(0, families.netlink), equals(2, netlinkRoute)),
  ],
});

/** Architectures, as images name them, that the filter is written for. */
export const filteredArchitectures: readonly string[] = ['amd64', 'arm64'];

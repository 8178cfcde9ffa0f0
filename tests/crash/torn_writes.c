/* Preloaded: after arm(n, half) the process is killed at its write number n (from 0) to a regular file, before it or,
   with half, after its first half. writes() says how many there were. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static long armed = -1, count = 0, half = 0;

void arm(long n, long with_half) { armed = n; count = 0; half = with_half; }
long writes(void) { return count; }

static int is_file(int fd) {
  struct stat found;
  return fd > 2 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

#define COUNT(fd, first_half)                       \
  if (is_file(fd)) {                                \
    if (count++ == armed) {                         \
      if (half) { first_half; }                     \
      syscall(SYS_kill, getpid(), SIGKILL);         \
    }                                               \
  }

ssize_t write(int fd, const void *data, size_t size) {
  COUNT(fd, syscall(SYS_write, fd, data, size / 2))
  return syscall(SYS_write, fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  COUNT(fd, syscall(SYS_pwrite64, fd, data, size / 2, offset))
  return syscall(SYS_pwrite64, fd, data, size, offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }
int ftruncate64(int fd, off64_t length) {
  COUNT(fd, (void)0)
  return syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

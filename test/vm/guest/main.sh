# Second program of the guest, on the final root: sets up the rest of what programs expect, runs the
# command, sends its outputs and its exit status through the virtio-serial ports, and powers off.
mkdir /run/vm/bin
/run/vm/busybox --install -s /run/vm/bin
PATH=/run/vm/bin
# The root as it is below what is mounted on it.
mkdir /run/vm/root
mount -o bind / /run/vm/root
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=0620,ptmxmode=0666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
# Shows at a path what the host has at another: mostly the same, which one of these file systems hides.
show() {
  mkdir -p "$1" && mount -o bind "/run/vm/root$2" "$1" && return
  echo "vm: cannot show $1" > /dev/console
  poweroff -f
}
. /run/vm/folders.sh
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
# The host rewrites this file whenever a program asks for it: nothing of it may be cached.
if [ -e /run/vm/tools/perf ]; then
  mkdir /run/vm/figures
  mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=none figures /run/vm/figures
fi
ip link set lo up
hostname vm
# The limits of a login session; what the kernel starts has 4096.
ulimit -H -n 524288
ulimit -S -n 1024

port() {
  for candidate in /sys/class/virtio-ports/*; do
    [ "$(cat "$candidate/name")" = "$1" ] && echo "/dev/${candidate##*/}"
  done
}

# A port can be opened by one process only; pipes can be opened again, as /dev/stdout is.
mkfifo /run/vm/out /run/vm/err
cat /run/vm/out > "$(port out)" &
out=$!
cat /run/vm/err > "$(port err)" &
err=$!
sh /run/vm/command.sh < /dev/null > /run/vm/out 2> /run/vm/err
status=$?
# Processes that the command left behind may hold the pipes: they get a moment, not more.
( sleep 2; kill $out $err ) 2> /dev/null &
wait $out $err 2> /dev/null
echo "$status" > "$(port status)"
poweroff -f

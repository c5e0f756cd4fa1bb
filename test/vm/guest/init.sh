#!/bin/busybox sh
# First program of the guest, from the initramfs: makes the host's file tree the root, with a tmpfs
# over it that takes every write, and hands over to main.sh. Knows nothing of the command.
PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /host /memory /root /tools
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

fail() {
  echo "vm: $1" > /dev/console
  poweroff -f
}

# Their names begin with their place in the order.
for module in /modules/*.ko; do
  insmod "$module" || fail "cannot load $module"
done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host ||
  fail 'no file tree of the host'
mount -t tmpfs -o mode=0755,size=90% memory /memory || fail 'no tmpfs'
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root ||
  fail 'no overlay'
mount -t tmpfs -o mode=0755 run /root/run
mkdir /root/run/vm
cp -r /bin/busybox /main.sh /folders.sh /command.sh /tools /root/run/vm/
mount --move /proc /root/proc
mount --move /sys /root/sys
mount --move /dev /root/dev
exec switch_root /root /run/vm/busybox sh /run/vm/main.sh

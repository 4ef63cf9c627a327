# Everything that a prototype has to survive, on all CPUs; run by init, after the scripts.
storm fork 60
storm threads 200
storm hop 200
storm turns 500
storm exec 20
storm die 40
# a shell session
mkdir -p /tmp/session && cd /tmp/session
for i in 1 2 3 4 5 6 7 8; do echo "line $i" >>list; done
grep 7 list | sed 's/line/found/'
(cat list list | sort | uniq -c | wc -l) &
wait
ls -la | wc -l
find /sys/kernel/tracing/events/xen | wc -l
# two real programs
dd if=/bin/driver bs=64k count=8 2>/dev/null | gzip -9 | gunzip | md5sum
dd if=/bin/driver bs=64k count=8 2>/dev/null | md5sum
awk 'BEGIN { for (i = 0; i < 20000; i++) s += i * i % 7; print "awk", s }'
if [ -x /usr/bin/xz ]; then
	dd if=/bin/driver bs=64k count=8 2>/dev/null | /usr/bin/xz -T2 -1 | /usr/bin/xz -d | md5sum
fi
if [ -x /usr/bin/perl ]; then
	/usr/bin/perl -e 'my $s = 0; for my $i (1..20) { my $p = fork; if (!$p) { my @a = map { $_ * $i } 1..2000; exit($a[9] == 10 * $i ? 0 : 1) } waitpid($p, 0); $s += $? == 0; } print "perl $s of 20\n"'
fi
# no hotplug: a vCPU of dom0 that comes back up crashes Debian's 6.1.192, too, on this Xen (GS base 0 in its first fault)
storm threads 50
storm fork 10

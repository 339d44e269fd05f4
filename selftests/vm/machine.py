# SPDX-License-Identifier: GPL-2.0
"""Virtual machines, one or several joined by links.

    with Lab('failover') as lab:                 # scratch: build/lab/failover
        sync, wan = lab.link(), lab.link()
        gw1 = lab.vm('gw1', 'qemu', 'selftests/demo/gateway.sh 1',
                     env={'ROLE': 'active'}, links=[sync.a, wan.a])
        gw2 = lab.vm('gw2', 'qemu', 'selftests/demo/gateway.sh 2',
                     links=[sync.b, wan.b])
        for vm in (gw1, gw2):
            vm.start()
        gw2.expect('ready', timeout=30)          # the line that holds it
        gw1.kill()                               # SIGKILL to the emulator
        while (line := gw2.readline(timeout=5)) is not None:
            ...                                  # as the guest prints it
        gw2.send('go on\\n')                     # the command's stdin
        gw1.start()                              # again, on the same links
        status = gw1.wait(timeout=60)            # the command's exit status

Every guest has the host's root as its own, read-only, with /etc /var /root
/run and /tmp in memory. The command is run by bash in the tree's top folder,
with stdin and stdout joined to the host program by a device of their own; the
console goes to NAME.console. The n-th entry of `links` is the guest's
interface eth<n> (QEMU, smp-*) or vec<n> (UML), MAC 02:00:00:00:<vm>:<n>; both get the
name eth<n> before the command is run. A link joins two machines of one kind.

The environment holds, beside env: XFRM_HA_DIR, XFRM_HA_MACHINE, XFRM_HA_KO,
XFRM_HA_TEST_KO and XFRM_HA_MODULES (the module, the one with the unit tests, and
the folder of selftests/modules, as build_module() had built them when the
machine was made), XFRM_HA_NAME, KERNEL and PATH with the tree's tool in front.

For measurements, QEMU can count instructions instead of time, and go without
the host's root, so that two runs are the same to the bit:

        vm = lab.vm('bench', 'qemu', 'bash /bench.sh',
                    icount=1,                    # the seed
                    image=Image(programs=['/usr/sbin/ip', 'build/load'],
                                files={'/bench.sh': 'selftests/bench/bench.sh'},
                                modules=['veth', 'esp4', 'gcm', 'drbg']))

`vm.log` names the file with everything that the guest said, `vm.events` is a
queue.Queue of the lines that nobody has read yet. All methods may be called
from several threads. Leaving the `with` block kills what still runs; so do
SIGTERM and Ctrl-C.
"""

import argparse
import fcntl
import glob
import json
import os
import queue
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import cpio
import debian_kernel
import tsc
from patience import Patience

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'),
                     'xfrm_ha')
MACHINES = ('qemu', 'uml', 'uml-san', 'smp-san', 'smp-kcsan', 'arm64')
DEBIAN = {'qemu': 'amd64', 'arm64': 'arm64'}        # those with Debian's kernel
SERIES = re.compile(r'-\d+\.\d+$')
MEM = {'qemu': 768, 'uml': 512, 'uml-san': 1024, 'smp-san': 1280, 'smp-kcsan': 768,
       'arm64': 768, 'lean': 768, 'watch': 768}

# isa-debug-exit makes it (value << 1) | 1; a panic gives 0, QEMU's own errors 1.
QEMU_DONE = 0x2a << 1 | 1

QEMU_APPEND = ('console=ttyS0 quiet panic=-1 oops=panic mitigations=off tsc=reliable '
               'no_timer_check cryptomgr.notests=1 init_on_alloc=0 nowatchdog '
               'rcupdate.rcu_expedited=1 random.trust_cpu=on net.ifnames=0 log_buf_len=4M')
ARM64_APPEND = ('console=ttyAMA0 quiet panic=-1 oops=panic mitigations=off norandmaps '
                'cryptomgr.notests=1 init_on_alloc=0 nowatchdog rcupdate.rcu_expedited=1 '
                'random.trust_cpu=on net.ifnames=0 log_buf_len=4M')
# All that they have is in the kernel: the host's root is theirs from the start.
SMP_APPEND = ('root=root rootfstype=9p '
              'rootflags=trans=virtio,version=9p2000.L,msize=512000,cache=loose ro '
              'bonding.max_bonds=0 dummy.numdummies=0 ifb.numifbs=0 kasan_multi_shot '
              f'init={HERE}/guest-init')
UML_APPEND = ('quiet panic=-1 root=/dev/root rootfstype=hostfs rootflags=/ ro '
              'con=null con0=null,fd:1 ssl=null lpj=19177472 log_buf_len=4M '
              'bonding.max_bonds=0 dummy.numdummies=0 ifb.numifbs=0 kasan_multi_shot')


TROUBLE = re.compile(r'BUG|Oops|WARNING:|panic|KASAN|stall')


# What is left to do when the host program is killed: its standard input ends.
GUARD = """
while read -r verb pid; do
	case $verb in
	add) pids="$pids -$pid" ;;
	del) pids=$(echo "$pids" | sed "s/ -$pid\\b//") ;;
	esac
done
[ -z "$pids" ] || kill -9 -- $pids
rm -rf "$0"
"""


class Error(Exception):
    """Something that the person at the terminal should read."""


def kind(machine):
    """What kind of machine it is: 'uml' of 'uml-7.3', which runs another kernel than 'uml'."""
    return SERIES.sub('', machine)


def series(machine):
    """The series of its kernel, if it is not the usual one."""
    return machine[len(kind(machine)) + 1:]


def known(machine):
    """For argparse: the name of a machine."""
    if kind(machine) not in MACHINES:
        raise argparse.ArgumentTypeError(f'no machine; there are {", ".join(MACHINES)}, and with '
                                         'another kernel than usual "uml-7.3" and the like')
    return machine


def prepare(machine):
    """Builds or fetches the machine's kernel where it is missing: its KDIR."""
    if kind(machine) in DEBIAN:
        return debian_kernel.prepare(series(machine), DEBIAN[kind(machine)]).kdir
    return subprocess.run([f'{HERE}/kernel.sh', machine], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def build_module(machine):
    """Brings build/<machine>/ up to date, and the tests' programs: the path of
    xfrm_ha.ko in there."""
    prepare(machine)
    if kind(machine) == 'arm64':
        subprocess.run([f'{HERE}/arm64.sh'], check=True, stdout=sys.stderr)
    for programs in 'ask', 'oracle', 'forwarder', 'had':
        subprocess.run(['make', '-s', '-C', f'{TOP}/selftests/{programs}'], check=True,
                       stdout=sys.stderr)
    subprocess.run([f'{HERE}/module.sh', machine], check=True, stdout=sys.stderr)
    return f'{TOP}/build/{machine}/src/xfrm_ha.ko'


def kvm_works():
    """Whether a guest was seen to boot with KVM since this host was started."""
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return False
    with open('/proc/sys/kernel/random/boot_id', encoding='ascii') as f:
        note = f'{CACHE}/kvm-{f.read().strip()}'
    try:
        with open(note, encoding='ascii') as f:
            return f.read() == 'yes'
    except FileNotFoundError:
        pass
    kernel = debian_kernel.prepare()
    argv = ['qemu-system-x86_64', '-M', 'pc', '-accel', 'kvm', '-cpu', 'host', '-m', '256',
            '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel.vmlinux,
            '-initrd', kernel.initrd, '-append', 'quiet panic=-1 probe=1']
    try:
        works = subprocess.run(argv, timeout=10, check=False, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                               ).returncode == QEMU_DONE
    except subprocess.TimeoutExpired:
        works = False
    os.makedirs(CACHE, exist_ok=True)
    with open(note, 'w', encoding='ascii') as f:
        f.write('yes' if works else 'no')
    return works


class End:
    """One end of a link: what a machine's interface is plugged into."""

    def __init__(self, path, far, sock):
        self.path, self.far, self.sock = path, far, sock


class Link:
    """A cable with the ends `a` and `b`.

    QEMU opens its end by name, UML inherits one. Packets for an end that no
    machine holds must get lost, as on a cable, not wait for the next machine.
    """

    def __init__(self, path):
        socks = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for s in socks:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.a = End(f'{path}.a', f'{path}.b', socks[0])
        self.b = End(f'{path}.b', f'{path}.a', socks[1])


class Image:
    """What a guest without the host's root holds, beside bash, kmod and busybox:
    programs (with their libraries, at their own place, in PATH by their folder's
    name or /bin), files {place in the guest: file}, modules of the stock kernel
    (with what they depend on; all of crypto is there) and xfrm_ha itself. They
    can be modprobed; none is loaded."""

    def __init__(self, programs=(), files=None, modules=()):
        self.programs, self.files, self.modules = programs, dict(files or {}), modules

    def write(self, path, job, ko, machine):
        """The initramfs. job: name -> text of the files that tell what to do;
        ko: the module, if there is one."""
        a = cpio.Archive()
        for d in ('/run', '/etc', '/var', '/lib/modules'):
            a.mkdir(d)
        a.add('/bin/busybox', '/bin/busybox', 0o755)
        for applet in subprocess.check_output(['/bin/busybox', '--list'], text=True).split():
            if applet not in ('busybox', 'ip', 'sh', 'bash'):
                a.symlink(f'/applets/{applet}', '/bin/busybox')
        a.elf('/usr/bin/bash', '/bin/bash')
        a.elf('/usr/bin/kmod', '/bin/kmod')
        for name in ('modprobe', 'insmod', 'rmmod', 'lsmod'):
            a.symlink(f'/sbin/{name}', '/bin/kmod')
        a.symlink('/bin/sh', 'bash')
        a.add(f'{HERE}/image-init', '/init', 0o755)
        for p in self.programs:
            real = os.path.join(TOP, p)
            a.elf(real, p if p.startswith('/usr/') else f'/bin/{os.path.basename(p)}')
        for dst, src in self.files.items():
            a.add(os.path.join(TOP, src), dst)
        for name, text in job.items():
            a.data(f'/job/{name}', text.encode())
        if kind(machine) in DEBIAN:
            self._add_modules(a, debian_kernel.prepare(series(machine)))
        if os.path.exists(ko):
            a.add(ko, '/xfrm_ha.ko')
        a.write(path)

    def _add_modules(self, a, kernel):
        top = f'{kernel.modules}/{kernel.kver}'
        crypto = [os.path.basename(f)[:-3].replace('-', '_')
                  for folder in ('crypto', 'arch/x86/crypto')
                  for f in os.listdir(f'{top}/kernel/{folder}') if f.endswith('.ko')]
        for f in debian_kernel.closure(kernel, sorted(crypto) + list(self.modules)):
            a.add(f, f'/lib/modules/{kernel.kver}{f[len(top):]}')
        for f in os.listdir(top):
            if f.startswith('modules.'):
                a.add(f'{top}/{f}', f'/lib/modules/{kernel.kver}/{f}')


class Machine:
    """One guest. Made by Lab.vm()."""

    def __init__(self, lab, index, machine, name, command, env, links, smp, mem, extra, append):
        self.lab, self.index, self.machine, self.name = lab, index, machine, name
        self.command, self.env, self.links = command, dict(env or {}), list(links)
        self.smp, self.mem = smp, mem
        self.extra, self.append = list(extra), append
        self.dir = f'{lab.dir}/{name}'
        self.console = f'{lab.dir}/{name}.console'
        self.log = f'{lab.dir}/{name}.log'
        self.events = queue.Queue()
        self.status = None              # the command's, once it has ended
        self._proc = self._sock = self._reader = None
        os.makedirs(self.dir, exist_ok=True)
        for f in (self.console, self.log):
            with open(f, 'wb'):
                pass

    kind = None

    def _job(self):
        """The files that tell the guest what to do: name -> text."""
        env = {
            'KERNEL': self.kver(), 'XFRM_HA_DIR': TOP, 'XFRM_HA_MACHINE': self.kind,
            'XFRM_HA_NAME': self.name,
            'XFRM_HA_KO': f'{self.lab.dir}/{self.machine}/src/xfrm_ha.ko',
            'XFRM_HA_TEST_KO': f'{self.lab.dir}/{self.machine}/src/tests/xfrm_ha_test.ko',
            'XFRM_HA_MODULES': f'{self.lab.dir}/{self.machine}/selftests/modules',
            'PATH': f'{TOP}/tools/xfrm-ha:/usr/local/sbin:/usr/local/bin:'
                    '/usr/sbin:/usr/bin:/sbin:/bin',
        }
        env.update(self.env)
        return {'env': ''.join(f'{k}={shlex.quote(str(v))}\n' for k, v in env.items()),
                'cmd': self.command + '\n'}

    def _put_job(self):
        for name, text in self._job().items():
            with open(f'{self.dir}/{name}', 'w', encoding='utf-8') as f:
                f.write(text)

    def mac(self, n):
        return f'02:00:00:00:{self.index:02x}:{n:02x}'

    def start(self):
        """Starts the guest, or starts it again after it has ended."""
        if self.running():
            raise Error(f'{self.name} is running')
        self._put_job()
        self.status = None
        self.events = queue.Queue()
        mine, theirs = socket.socketpair()
        fds = [theirs.fileno()] + [end.sock.fileno() for end in self.links]
        for end in self.links:
            self.lab.hold(end)
        with open(self.console, 'ab') as console:
            self._proc = subprocess.Popen(
                self.argv(theirs.fileno()), stdin=subprocess.DEVNULL, stdout=console,
                stderr=subprocess.STDOUT, pass_fds=fds, start_new_session=True,
                env=self.emulator_env())
        self.lab.guard('add', self._proc.pid)
        theirs.close()
        self._sock = mine
        self._reader = threading.Thread(target=self._read, args=(mine,), daemon=True)
        self._reader.start()
        return self

    def _read(self, sock):
        buf = b''
        with open(self.log, 'ab', buffering=0) as log:
            while True:
                try:
                    data = sock.recv(65536)
                except OSError:
                    data = b''
                if not data:
                    break
                log.write(data)
                *lines, buf = (buf + data).split(b'\n')
                for raw in lines:
                    line = raw.decode('utf-8', 'replace').rstrip('\r')
                    if line.startswith('@@exit '):
                        self.status = int(line.split()[1])
                    self.events.put(line)
        if buf:
            self.events.put(buf.decode('utf-8', 'replace'))
        self.events.put(None)

    def readline(self, timeout=None):
        """The next line that the guest printed; None when it has ended. Raises
        TimeoutError."""
        try:
            return self.events.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f'{self.name}: no line for {timeout} s') from None

    def expect(self, text, timeout):
        """Reads on until a line that holds text, and returns it."""
        patience = Patience(timeout)
        while True:
            try:
                line = self.readline(patience.step())
            except TimeoutError:
                if not patience.over():
                    continue
                raise Error(f'{self.name}: no "{text}" within {patience}\n'
                            + self.last_words()) from None
            if line is None:
                raise Error(f'{self.name} ended before "{text}"\n' + self.last_words())
            if text in line:
                return line

    def send(self, text):
        """Puts text on the command's stdin."""
        self._sock.sendall(text.encode())

    def running(self):
        return self._proc is not None and self._proc.poll() is None

    def cpu(self):
        """Seconds of CPU time that the emulator has used, with its processes."""
        ticks = 0
        for stat in glob.glob('/proc/[0-9]*/stat'):
            try:
                with open(stat, encoding='utf-8', errors='replace') as f:
                    fields = f.read().rpartition(')')[2].split()
            except OSError:
                continue        # it has ended
            if self._proc and int(fields[3]) == self._proc.pid:
                ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf('SC_CLK_TCK')

    def wait(self, timeout):
        """The command's exit status. Raises Error when the guest came to
        another end, or to none within timeout."""
        patience = Patience(timeout)
        while True:
            try:
                self._proc.wait(patience.step())
                break
            except subprocess.TimeoutExpired:
                if not patience.over():
                    continue
                self.kill()
                raise Error(f'{self.name}: not done within {patience}\n'
                            + self.last_words()) from None
        self._ended()
        if self.status is None:
            raise Error(f'{self.name}: the guest died (emulator\'s status '
                        f'{self._proc.returncode})\n' + self.last_words())
        return self.status

    def _ended(self):
        self.lab.guard('del', self._proc.pid)
        for end in self.links:
            self.lab.release(end)
        if self._reader:
            self._reader.join(5)
        # Who kills it need not be who waits for it.
        sock, self._sock = self._sock, None
        if sock:
            sock.close()

    def emulator_env(self):
        return None

    def kill(self):
        """Pulls the plug."""
        if self._proc is None:
            return
        if self._proc.returncode is None:
            try:
                os.killpg(self._proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._proc.wait()
        self._ended()

    def end(self):
        """Of one that prints no more: the emulator's exit status, negative for a signal. One that
        does not end by itself is killed, which is no signal but 1."""
        try:
            status = self._proc.wait(5)
        except subprocess.TimeoutExpired:
            status = 1
        self.kill()
        return status

    def last_words(self, lines=30):
        """The end of the console, for a report: from the first sign of trouble
        where there is one."""
        with open(self.console, 'rb') as f:
            text = f.read()[-16384:].decode('utf-8', 'replace')
        tail = [line.rstrip() for line in text.splitlines() if line.strip()]
        first = next((n for n, line in enumerate(tail) if TROUBLE.search(line)), None)
        tail = tail[-lines:] if first is None else tail[first:first + 2 * lines]
        return '\n'.join(f'{self.name}| {line}' for line in tail)


class Qemu(Machine):
    kind = 'qemu'
    tty = 'ttyS1'
    icount = image = None
    parallel = False        # a thread for each CPU, where speed is what is wanted
    ROOT = ['-fsdev', 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap',
            '-device', 'virtio-9p-pci,fsdev=root,mount_tag=root']

    def kver(self):
        return self.lab.kernel(self.machine).kver

    def _boot(self):
        """What is booted: options of the emulator, words for the kernel."""
        kernel = self.lab.kernel(self.machine)
        initrd, root = kernel.initrd, self.ROOT
        if self.image:
            initrd, root = f'{self.dir}/initrd', []
            self.image.write(initrd, self._job(),
                             f'{self.lab.dir}/{self.machine}/src/xfrm_ha.ko', self.machine)
        return ['-kernel', kernel.vmlinux, '-initrd', initrd, *root], f'mods={kernel.modules}'

    def argv(self, channel):
        boot, append = self._boot()
        tuning = ''
        if self.icount is not None:
            # Randomness, too, comes from the seed.
            accel = ['-accel', 'tcg', '-icount', 'shift=0,sleep=off', '-cpu', 'max',
                     '-rtc', 'base=2024-01-01,clock=vm', '-seed', str(self.icount)]
        elif kvm_works():
            accel = ['-accel', 'kvm', '-cpu', 'host']
        else:
            # With a thread for each CPU one was seen to run into code that the
            # other was patching (int3 of a static key): an emulator's fault.
            thread = 'multi' if self.parallel else 'single'
            accel = ['-accel', f'tcg,thread={thread}', '-cpu', 'max']
            # What stands at another address each time is translated each time.
            tuning = 'norandmaps ' + (f'tsc_early_khz={tsc.khz()} ' if tsc.khz() else '')
        argv = ['qemu-system-x86_64', '-name', self.name, '-M', 'pc'] + accel + [
            # The table that a kernel without ACPI reads has one CPU a socket.
            '-smp', f'{self.smp},sockets={self.smp}', '-m', str(self.mem),
            '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot',
            '-serial', 'stdio',
            '-chardev', f'socket,id=channel,fd={channel}', '-serial', 'chardev:channel',
            '-chardev', f'socket,id=qmp,path={self._qmp()},server=on,wait=off',
            '-mon', 'chardev=qmp,mode=control',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
            '-append', f'{QEMU_APPEND} {tuning}top={TOP} job={self.dir} tty={self.tty} '
                       f'{append} {self.append}']
        for n, end in enumerate(self.links):
            if os.path.exists(end.path):
                os.unlink(end.path)
            argv += ['-netdev', f'dgram,id=net{n},local.type=unix,local.path={end.path},'
                                f'remote.type=unix,remote.path={end.far}',
                     '-device', f'virtio-net-pci,id=nic{n},netdev=net{n},mac={self.mac(n)},'
                                'romfile=']
        return argv + boot + self.extra

    def _qmp(self):
        return f'{self.lab.sockets}/{self.name}.qmp'

    def qmp(self, command, **arguments):
        """One QMP command and its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self._qmp())
            with s.makefile('rw', encoding='utf-8') as f:
                f.readline()
                for c in ({'execute': 'qmp_capabilities'},
                          {'execute': command, 'arguments': arguments}):
                    f.write(json.dumps(c) + '\n')
                    f.flush()
                    answer = {}
                    while not {'return', 'error'} & answer.keys():
                        answer = json.loads(f.readline())
                if 'error' in answer:
                    raise Error(f'{self.name}: {command}: {answer["error"]["desc"]}')
                return answer['return']

    def set_link(self, n, up):
        """The carrier of the n-th interface."""
        self.qmp('set_link', name=f'nic{n}', up=up)


class Arm64(Qemu):
    """Debian's kernel for arm64, with a root of that architecture (archive.sh). The tree has the
    place that it has here, with programs of that architecture in it (arm64.sh), and its build/."""

    kind = 'arm64'
    tty = 'ttyS0'

    def _boot(self):
        kernel = self.lab.kernel(self.machine)
        root = subprocess.run([f'{HERE}/archive.sh', 'root'], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()
        os.makedirs(root + TOP, exist_ok=True)
        os.makedirs(f'{TOP}/build/arm64-tree/build', exist_ok=True)
        shares = []
        for tag, path in (('root', root), ('top', f'{TOP}/build/arm64-tree'),
                          ('build', f'{TOP}/build')):
            shares += ['-fsdev', f'local,id={tag},path={path},security_model=none,readonly=on,'
                                 'multidevs=remap',
                       '-device', f'virtio-9p-pci,fsdev={tag},mount_tag={tag}']
        return (['-kernel', kernel.vmlinux, '-initrd', kernel.initrd, *shares],
                f'mods={kernel.modules} over=top:{TOP},build:{TOP}/build')

    def argv(self, channel):
        if self.links:
            raise Error('machines of kind arm64 have no links')
        boot, append = self._boot()
        return ['qemu-system-aarch64', '-name', self.name, '-M', 'virt',
                '-accel', 'tcg,thread=single', '-cpu', 'max,pauth-impdef=on',
                '-smp', str(self.smp), '-m', str(self.mem),
                '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot',
                '-serial', 'stdio',
                '-chardev', f'socket,id=channel,fd={channel}',
                '-device', 'pci-serial,chardev=channel',
                '-chardev', f'socket,id=qmp,path={self._qmp()},server=on,wait=off',
                '-mon', 'chardev=qmp,mode=control',
                '-append', f'{ARM64_APPEND} top={TOP} job={self.dir} tty={self.tty} '
                           f'{append} {self.append}', *boot, *self.extra]


class SmpSan(Qemu):
    """A kernel of our own. Its CPUs run at the same time, else they would not race."""

    kind = 'smp-san'
    parallel = True

    def kver(self):
        return os.listdir(self._mods())[0]

    def _mods(self):
        return f'{self.lab.kernel(self.machine)}/mods/lib/modules'

    def _boot(self):
        return (['-kernel', f'{self.lab.kernel(self.machine)}/vmlinux', *self.ROOT],
                f'{SMP_APPEND} mods={self._mods()}')


class SmpKcsan(SmpSan):
    kind = 'smp-kcsan'


class Lean(Qemu):
    """A kernel of our own for measurements, with all that it needs in it: no tests run there."""

    kind = 'lean'

    def kver(self):
        return os.listdir(f'{self.lab.kernel(self.machine)}/mods/lib/modules')[0]

    def _boot(self):
        initrd = f'{self.dir}/initrd'
        self.image.write(initrd, self._job(),
                         f'{self.lab.dir}/{self.machine}/src/xfrm_ha.ko', self.machine)
        return ['-kernel', f'{self.lab.kernel(self.machine)}/vmlinux', '-initrd', initrd], ''


class Watch(Lean):
    """The same with what is proposed in docs/upstream."""

    kind = 'watch'


class Uml(Machine):
    kind = 'uml'
    tty = 'ttyS0'

    def kver(self):
        return os.listdir(self._mods())[0]

    def _mods(self):
        return f'{self.lab.kernel(self.machine)}/mods/lib/modules'

    def _cpu(self):
        """At each system call the kernel and its process take turns: between two CPUs of the
        host that costs twice as much as on one."""
        cpus = sorted(os.sched_getaffinity(0))
        lane = int(os.environ.get('XFRM_HA_LANE') or os.getpid())
        return cpus[(lane + self.index) % len(cpus)]

    def argv(self, channel):
        argv = ['taskset', '-c', str(self._cpu()),
                f'{self.lab.kernel(self.machine)}/linux', f'umid={self.name}',
                f'uml_dir={self.lab.sockets}', f'mem={self.mem}M', *UML_APPEND.split(),
                f'init={HERE}/guest-init', f'ssl0=fd:{channel}',
                f'top={TOP}', f'job={self.dir}', f'tty={self.tty}', f'mods={self._mods()}',
                *self.append.split()]
        for n, end in enumerate(self.links):
            argv.append(f'vec{n}:transport=fd,fd={end.sock.fileno()},mac={self.mac(n)}')
        return argv + self.extra


    def emulator_env(self):
        """The guest's memory is a file, and containers have a small /dev/shm."""
        shm = os.statvfs('/dev/shm')
        if shm.f_bavail * shm.f_frsize > self.mem << 20:
            return None
        return dict(os.environ, TMPDIR=self.dir)


class UmlSan(Uml):
    kind = 'uml-san'


class Lab:
    """A set of machines and links, with a folder for what they leave behind."""

    CLASSES = {c.kind: c for c in (Qemu, Uml, UmlSan, SmpSan, SmpKcsan, Arm64, Lean,
                                      Watch)}

    def __init__(self, name='lab'):
        self.dir = f'{TOP}/build/lab/{name}'
        self.machines = []
        self._links = []
        self._kernels = {}
        self._idle = set()
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self):
        # Two programs may want the same name at a time: the second one adds to it.
        os.makedirs(os.path.dirname(self.dir), exist_ok=True)
        self._claim = open(f'{self.dir}.lock', 'w', encoding='ascii')
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.dir += f'-{os.getpid()}'
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        # The name of a socket has at most 107 characters.
        self.sockets = tempfile.mkdtemp(prefix='xfrm_ha.')
        self._guard = subprocess.Popen(['bash', '-c', GUARD, self.sockets], text=True, bufsize=1,
                                       stdin=subprocess.PIPE, start_new_session=True)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        threading.Thread(target=self._drain, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for vm in self.machines:
            vm.kill()
        self._stop.set()
        self._guard.stdin.close()
        self._guard.wait()

    def snapshot(self, machine):
        """Keeps the modules as they are now: they may be built again meanwhile."""
        src, dst = f'{TOP}/build/{machine}', f'{self.dir}/{machine}'
        if os.path.isdir(dst) or not os.path.exists(f'{src}/lock'):
            return
        with open(f'{src}/lock', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for ko in glob.glob(f'{src}/**/*.ko', recursive=True):
                os.makedirs(dst + os.path.dirname(ko)[len(src):], exist_ok=True)
                shutil.copy(ko, dst + ko[len(src):])

    def guard(self, verb, pid):
        """Tells the guard which emulators there are."""
        with self._lock:
            self._guard.stdin.write(f'{verb} {pid}\n')

    def kernel(self, machine):
        if machine not in self._kernels:
            self._kernels[machine] = \
                debian_kernel.prepare(series(machine), DEBIAN[kind(machine)]) \
                if kind(machine) in DEBIAN else prepare(machine)
        return self._kernels[machine]

    def link(self):
        """A new cable."""
        link = Link(f'{self.sockets}/l{len(self._links)}')
        self._links.append(link)
        for end in (link.a, link.b):
            self.release(end)
        return link

    def vm(self, name, machine, command, env=None, links=(), smp=None, mem=None, extra=(),
           append='', icount=None, image=None):
        """A new machine, not started yet. `extra` goes to the emulator, `append`
        to the guest kernel's command line."""
        if mem is None:
            mem = MEM[kind(machine)]
        if smp is None:
            smp = 2 if machine.startswith('smp-') else 1
        vm = self.CLASSES[kind(machine)](self, len(self.machines) + 1, machine, name, command,
                                         env, links, smp, mem, extra, append)
        if kind(machine) in ('qemu', 'lean', 'watch'):
            vm.icount, vm.image = icount, image
        self.kernel(machine)
        self.snapshot(machine)
        self.machines.append(vm)
        return vm

    def hold(self, end):
        with self._lock:
            self._idle.discard(end)

    def release(self, end):
        with self._lock:
            self._idle.add(end)

    def _drain(self):
        while not self._stop.is_set():
            with self._lock:
                socks = [end.sock for end in self._idle]
            readable = select.select(socks, [], [], 0.1)[0]
            with self._lock:
                idle = {end.sock for end in self._idle}
                for s in readable:
                    if s in idle:
                        try:
                            s.recv(1 << 16, socket.MSG_DONTWAIT)
                        except BlockingIOError:
                            pass

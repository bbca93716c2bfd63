#!/usr/bin/perl
# The usual Perl daemon: Proc::Daemon forks and writes the pid file, a pipe carries the readiness to the launcher.
#
#     peer.pl SOCKET PIDFILE LOGFILE
use strict;
use warnings;
use POSIX ();
use Proc::Daemon;
use Socket;

my ($socket_path, $pid_path, $log_path) = @ARGV;
die "usage: peer.pl SOCKET PIDFILE LOGFILE\n" unless @ARGV == 3;

sub log_line {
    my ($level, $message) = @_;
    syswrite STDERR, POSIX::strftime('%Y-%m-%d %H:%M:%S %Z', localtime) . ": peer.pl pid=$$ $level $message\n";
}

pipe(my $ready_in, my $ready_out) or die "pipe: $!\n";
my $daemon = Proc::Daemon->new(
    pid_file      => $pid_path,
    child_STDOUT  => ">>$log_path",
    child_STDERR  => ">>$log_path",
    dont_close_fd => [fileno $ready_out],
);
if ($daemon->Init) {
    close $ready_out;
    exit(sysread($ready_in, my $byte, 1) ? 0 : 1);
}

umask 077;
log_line('NOTICE', 'daemon startup');
socket(my $listener, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
bind($listener, sockaddr_un($socket_path)) or die "bind $socket_path: $!\n";
listen($listener, SOMAXCONN) or die "listen: $!\n";

# The handler ends the process itself: a flag tested before accept would miss a signal that comes in between.
$SIG{TERM} = sub {
    unlink $socket_path, $pid_path;
    log_line('NOTICE', 'daemon shutdown');
    exit 0;
};
syswrite $ready_out, 'R';
close $ready_out;
while (1) {
    my $client;
    close $client if accept($client, $listener);
}

# A worker with the client side of the real Server::Starter: its sockets by server_ports(), "GENERATION PID\n" on each.
use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Server::Starter qw(server_ports);

my ($record) = @ARGV;
my $over = 0;
$SIG{TERM} = sub { $over = 1 };

my $ports = server_ports();
my $select = IO::Select->new;
for my $key (sort keys %$ports) {
    my $class = $key =~ m{/} ? 'IO::Socket::UNIX' : 'IO::Socket::INET';
    my $socket = $class->new;
    $socket->fdopen($ports->{$key}, 'r') or die "failed to open $key: $!";
    $socket->blocking(0);
    $select->add($socket);
}

open my $file, '>', "$record.new" or die $!;
print {$file} "$_=$ports->{$_}\n" for sort keys %$ports;
close $file;
rename "$record.new", $record or die $!;

while (!$over) {
    for my $socket ($select->can_read(0.05)) {
        my $connection = $socket->accept or next;
        $connection->blocking(1);
        print {$connection} "$ENV{SERVER_STARTER_GENERATION} $$\n";
        close $connection;
    }
}
exit 0;

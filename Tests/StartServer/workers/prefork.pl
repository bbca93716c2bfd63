# A pre-forking server on Net::Server::SS::PreFork, as its documentation shows it: "GENERATION PID\n" per connection.
package Generation;
use strict;
use warnings;
use base qw(Net::Server::SS::PreFork);

sub process_request {
    print "$ENV{SERVER_STARTER_GENERATION} $$\n";
}

__PACKAGE__->run(min_servers => 2, max_servers => 4, min_spare_servers => 1, max_spare_servers => 2, log_level => 1);

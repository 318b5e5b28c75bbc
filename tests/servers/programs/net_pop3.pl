# Prints the messages of a maildrop; the task "take" deletes each one that is printed, and the task
# "poll" prints those that it has not printed before.

use strict;
use warnings;
use Net::POP3;

sub complain {
    print STDERR @_;
    exit 1;
}

$| = 1;
my ($task, $mode, $host, $port, $certificate, $user, $password) = @ARGV;
my @tls = (SSL_ca_file => $certificate, SSL_verifycn_name => 'popgate.test');
my $maildrop = Net::POP3->new($host, Port => $port, SSL => $mode eq 'implicit', @tls)
    or complain "no connection: $@\n";
if ($mode eq 'stls') {
    $maildrop->starttls(@tls) or complain 'STLS: ', $maildrop->message;
}
my $count = $maildrop->login($user, $password);
defined $count or complain $maildrop->message;
my %seen;
if ($task eq 'poll' and open my $file, '<', 'seen') {
    %seen = map { chomp; $_ => 1 } <$file>;
}
my $ids = $task eq 'poll' ? $maildrop->uidl : {};
$ids or complain $maildrop->message;
for my $number (1 .. $count) {
    next if $seen{ $ids->{$number} // '' };
    my $message = $maildrop->get($number) or complain $maildrop->message;
    print @$message;
    next unless $task eq 'take';
    $maildrop->delete($number) or complain $maildrop->message;
}
if ($task eq 'poll') {
    open my $file, '>', 'seen' or complain "seen: $!\n";
    print $file "$_\n" for values %$ids;
}
$maildrop->quit or complain $maildrop->message;

# What came of a run of the peers, as a table and as JSON. A run holds what `run` puts into it: the
# names of operations, the peers that were present and skipped, and the times of each operation and
# peer, in seconds, one for each round.
use strict;
use warnings;
use JSON::PP;
use POSIX qw(strftime);

sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $middle = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$middle] : ($sorted[ $middle - 1 ] + $sorted[$middle]) / 2;
}

# The median of the rounds' ratios.
sub ratio {
    my ($run, $operation, $key) = @_;
    my ($theirs, $ours) = map { $run->{times}{$operation}{$_} } $key, 'libconnector';
    return median(map { $theirs->[$_] / $ours->[$_] } 0 .. $#$ours);
}

sub shown {
    my ($seconds) = @_;
    return sprintf '%.1f ms', $seconds * 1e3 if $seconds >= 0.01;
    return sprintf '%.2f ms', $seconds * 1e3 if $seconds >= 0.001;
    return sprintf "%.1f \x{b5}s", $seconds * 1e6;
}

sub print_table {
    my ($run) = @_;
    my @table = [ '', @{ $run->{operations} }, 'peak memory' ];

    for my $peer (@{ $run->{present} }) {
        my @cells = map {
            shown(median(@{ $run->{times}{$_}{ $peer->{key} } })) . sprintf(" \x{d7}%.2f", ratio($run, $_, $peer->{key}))
        } @{ $run->{operations} };
        push @table, [ $peer->{name}, @cells, sprintf('%.1f MB', $peer->{memory} / 1e6) ];
    }
    push @table, [ $_->{name}, ('SKIPPED') x (@{ $table[0] } - 1) ] for @{ $run->{skipped} };
    my @widths = map { my $column = $_; (sort { $b <=> $a } map { length $_->[$column] } @table)[0] } 0 .. $#{ $table[0] };
    for my $row (@table) {
        print join('  ', map { sprintf $_ == 0 ? '%-*s' : '%*s', $widths[$_], $row->[$_] } 0 .. $#$row), "\n";
    }
}

sub output_of {
    my ($command) = @_;
    chomp(my $text = `$command 2>/dev/null` // '');
    return $text;
}

sub versions {
    my ($folder) = @_;
    my $package = q(require("./node_modules/@feathersjs/koa/package.json").version);
    return {
        soci => output_of(q{dpkg-query -W -f '${Version}' libsoci-dev}),
        sqlalchemy => output_of(q{/usr/bin/python3 -c 'import sqlalchemy, sys, sqlite3; print(sqlalchemy.__version__ + ", Python", sys.version.split()[0] + ", SQLite", sqlite3.sqlite_version)'}),
        lmdb => output_of(q{dpkg-query -W -f '${Version}' liblmdb-dev}),
        rest => output_of(qq{cd $folder/rest && node -p '$package + ", better-sqlite3 " + require("better-sqlite3/package.json").version + ", SQLite " + new (require("better-sqlite3"))(":memory:").prepare("SELECT sqlite_version() v").get().v + ", Node " + process.versions.node'}),
    };
}

sub write_results {
    my ($run, $path) = @_;
    my $versions = versions($run->{folder});
    my ($processor) = output_of('grep -m1 "model name" /proc/cpuinfo') =~ /: (.*)/;
    my %results = (
        date => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime), processor => $processor // '',
        processors => 0 + output_of('getconf _NPROCESSORS_ONLN'), load => 0 + $run->{load},
        (map { $_ => $run->{$_} } qw(form rounds kept records)),
        peers => [
            (map { { key => $_->{key}, name => $_->{name}, version => $versions->{ $_->{key} } // '', memory => $_->{memory} } } @{ $run->{present} }),
            (map { { key => $_->{key}, name => $_->{name}, skipped => JSON::PP::true } } @{ $run->{skipped} }),
        ],
    );
    for my $operation (@{ $run->{operations} }) {
        push @{ $results{results} }, map { {
            operation => $operation, peer => $_->{key},
            seconds => median(@{ $run->{times}{$operation}{ $_->{key} } }), ratio => ratio($run, $operation, $_->{key}),
        } } @{ $run->{present} };
    }
    open my $out, '>:raw', "$path.new" or die "$path: $!\n";
    print $out JSON::PP->new->utf8->canonical->indent->encode(\%results);
    close $out or die "$path: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
}

1;

# Reads the public headers into plain data: what each declares, and what its comment says. It knows
# the shape of include/connector/*.h, not C; what it can't read it reports, so that nothing is lost
# in silence. Needs no module outside perl-base.
use strict;
use warnings;

# Macros that are means of the headers themselves, not part of the API.
my %internal_macro = map { $_ => 1 } qw(CONNECTOR_API CONNECTOR_CHECKED CONNECTOR_INIT);

sub read_text {
    my ($path) = @_;
    open(my $file, '<:utf8', $path) or die "$path: $!\n";
    local $/;
    my $text = <$file>;
    close($file);
    return $text;
}

# The text of a comment without its stars, line by line.
sub comment_lines {
    my ($comment) = @_;
    $comment =~ s/^[ \t]*\*[ \t]?//mg;
    $comment =~ s/[ \t]+$//mg;
    $comment =~ s/^\s+|\s+$//g;
    return $comment;
}

sub one_line {
    my ($text) = @_;
    $text =~ s/\s+/ /g;
    $text =~ s/^ | $//g;
    return $text;
}

# A doc comment as { text => [paragraphs], params => [[name, text]], return => text,
# retvals => [[status, text]], since => version, unknown => [tags] }.
sub parse_doc {
    my ($comment) = @_;
    my ($body, @tags) = split /(?:^|(?<=\s))\@(?=[a-z]+\b)/m, comment_lines($comment);
    my %doc = (text => [], params => [], retvals => [], unknown => []);

    $doc{text} = [map { one_line($_) } grep { /\S/ } split /\n\s*\n/, defined $body ? $body : ''];
    for my $tag (@tags) {
        my $text = one_line($tag);
        if ($text =~ /^param (\w+) ?(.*)$/) {
            push @{ $doc{params} }, [$1, $2];
        } elsif ($text =~ /^retval (\w+) ?(.*)$/) {
            push @{ $doc{retvals} }, [$1, $2];
        } elsif ($text =~ /^return (.+)$/) {
            $doc{return} = $1;
        } elsif ($text =~ /^since (\d+\.\d+\.\d+)$/) {
            $doc{since} = $1;
        } else {
            push @{ $doc{unknown} }, "\@$text";
        }
    }
    return \%doc;
}

# "const char *id" as ("const char *", "id"); arrays keep their brackets in the third part.
sub split_declarator {
    my ($text) = @_;
    $text = one_line($text);
    return ($1, $2, $3) if $text =~ /^(.*\S.*?)\b(\w+)((?:\[\w*\])*)$/;
    return ($text, '', '');
}

sub parse_parameters {
    my ($text) = @_;
    my @parameters;
    return [] if one_line($text) eq 'void';
    for my $part (split /,/, $text) {
        my ($type, $name, $array) = split_declarator($part);
        push @parameters, { type => one_line($type), name => $name, array => $array,
                            text => one_line($part) };
    }
    return \@parameters;
}

sub parse_enum_members {
    my ($body) = @_;
    my @members;
    while ($body =~ /\G\s*(\w+)\s*=\s*(-?\w+)\s*,?\s*(?:\/\*\*<(.*?)\*\/)?/gcs) {
        push @members, { name => $1, value => $2,
                         doc => defined $3 ? one_line(comment_lines($3)) : '' };
    }
    return (\@members, substr($body, pos($body) || 0));
}

sub parse_struct_members {
    my ($body) = @_;
    my @members;
    while ($body =~ /\G\s*([^;\/]+?)\s*;\s*(?:\/\*\*<(.*?)\*\/)?/gcs) {
        my $comment = $2;
        my ($type, $name, $array) = split_declarator($1);
        push @members, { type => one_line($type), name => $name, array => $array,
                         doc => defined $comment ? one_line(comment_lines($comment)) : '' };
    }
    return (\@members, substr($body, pos($body) || 0));
}

# One declaration, from its first word to the semicolon.
sub parse_declaration {
    my ($text) = @_;
    if ($text =~ /^typedef\s+(enum|struct)\s+(\w+)\s*\{(.*)\}\s*(\w+)\s*;$/s) {
        my ($kind, $name, $body) = ($1, $4, $3);
        my ($members, $rest) =
            $kind eq 'enum' ? parse_enum_members($body) : parse_struct_members($body);
        my $problem = $rest =~ /\S/ ? 'can\'t read "' . one_line($rest) . '"' : undef;
        return { kind => $kind, name => $name, members => $members, problem => $problem };
    }
    return { kind => 'opaque', name => $2 } if $text =~ /^typedef\s+struct\s+(\w+)\s+(\w+)\s*;$/;
    if ($text =~ /^typedef\s+(.*?)\(\*(\w+)\)\s*\((.*)\)\s*;$/s) {
        return { kind => 'callback', name => $2, type => one_line($1),
                 parameters => parse_parameters($3) };
    }
    if ($text =~ /^((?:CONNECTOR_API|CONNECTOR_CHECKED|\s)*)(.*?)\b(\w+)\s*\((.*)\)\s*;$/s) {
        return { kind => 'function', name => $3, type => one_line($2), marks => one_line($1),
                 parameters => parse_parameters($4) };
    }
    return { kind => 'unknown', name => one_line($text), problem => 'is no declaration that this reads' };
}

sub parse_header {
    my ($path) = @_;
    my $text = read_text($path);
    my ($base) = $path =~ /([^\/]+)\.h$/;
    my $beside = $base =~ /^connector-/; # the header of a library of its own
    my %header = (path => $path, name => $base, page => $beside ? $base : "connector-$base",
                  file => $beside ? "$base.h" : "connector/$base.h", declarations => [], text => []);
    my ($doc, $section, $start) = (undef, '', 0);
    my $keep = sub {
        my ($declaration) = @_;
        my $line = 1 + (substr($text, 0, $start) =~ tr/\n//);
        push @{ $header{declarations} },
            { %$declaration, doc => $doc, section => $section, file => $header{file},
              line => $line };
        $doc = undef;
    };

    if ($text =~ /\A\/\*(?!\*)(.*?)\*\//s) {
        my ($comment, $end) = ($1, $+[0]);
        my @paragraphs = map { one_line($_) } split /\n\s*\n/, comment_lines($comment);
        $paragraphs[0] =~ s/^connector[\/-]\w+\.h:\s*//;
        $header{text} = \@paragraphs;
        pos($text) = $end;
    }
    until ($text =~ /\G\s*\z/gc) {
        $text =~ /\G\s*/gc;
        $start = pos($text);
        if ($text =~ /\G\s*\/\*\*(?!<)(.*?)\*\//gcs) {
            $doc = parse_doc($1);
        } elsif ($text =~ /\G\s*\/\* -{2,} (.*?) -{2,} \*\//gcs) {
            ($section, $doc) = (one_line($1), undef);
        } elsif ($text =~ /\G\s*\/\*.*?\*\//gcs) {
            $doc = undef;
        } elsif ($text =~ /\G\s*#\s*define\s+(\w+)(\([^)]*\))?[ \t]*((?:[^\n]*\\\n)*[^\n]*)\n/gc) {
            my ($name, $arguments, $value) = ($1, $2, $3);
            next if $internal_macro{$name} || $name =~ /_H$/;
            $keep->({ kind => 'macro', name => $name, value => one_line($value),
                      arguments => defined $arguments ? $arguments : '' });
        } elsif ($text =~ /\G\s*#[^\n]*\n/gc || $text =~ /\G\s*extern "C" \{/gc || $text =~ /\G\s*\}/gc) {
            $doc = undef;
        } elsif ($text =~ /\G\s*struct \w+;/gc) {
            $doc = undef; # of another header's, named here for a pointer
        } elsif ($text =~ /\G\s*([^;{}#]*(?:\{(?:\/\*.*?\*\/|[^}\/])*\}[^;]*)?;)/gcs) {
            $keep->(parse_declaration($1));
        } else {
            die "$path: can't read from: " . substr($text, pos($text) || 0, 60) . "\n";
        }
    }
    return \%header;
}

# All headers of a folder, in the order in which they build on each other.
# With a true second argument the header of libconnector-vault, beside that folder, too.
sub parse_headers {
    my ($folder, $with_vault) = @_;
    my %rank = (error => 0, record => 1, store => 2, query => 3, json => 4, secret => 10, resolvers => 11);
    my @paths = sort glob("$folder/*.h");
    die "no headers in $folder\n" unless @paths;
    push @paths, grep { -e $_ } "$folder-vault.h" if $with_vault;
    my @headers = map { parse_header($_) } @paths;
    return sort { ($rank{ $a->{name} } // 9) <=> ($rank{ $b->{name} } // 9)
                      || $a->{name} cmp $b->{name} } @headers;
}

# The declarations of these kinds over all headers.
sub declarations {
    my ($headers, @kinds) = @_;
    my %wanted = map { $_ => 1 } @kinds;
    return grep { $wanted{ $_->{kind} } } map { @{ $_->{declarations} } } @$headers;
}

# "connector_open" and the like, for tests that compare lists of names.
sub function_names {
    my ($headers) = @_;
    return map { $_->{name} } declarations($headers, 'function');
}

1;

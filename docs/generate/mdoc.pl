# Turns the text of doc comments into mdoc(7) lines: code, functions, constants and arguments get
# their macros, everything else stays as it is written.
use strict;
use warnings;

# Statuses that comments name without their prefix. OK, IO and INTERNAL are words of other texts too.
my %short_status = map { $_ => 1 } qw(INVALID NOT_FOUND CONFLICT EXISTS UNAUTHENTICATED DENIED BUSY
    LEASED STALE TOO_LARGE MISUSE CANCELLED SECRET_UNAVAILABLE NO_MEMORY DISK_FULL CORRUPT SCHEMA
    READ_ONLY);

sub escape {
    my ($text) = @_;
    $text =~ s/\\/\\e/g;
    $text =~ s/([^\x00-\x7f])/sprintf('\\[u%04X]', ord($1))/ge;
    return $text;
}

# Text for a literal display or an argument, where a hyphen is the ASCII one.
sub escape_code {
    my ($text) = @_;
    $text = escape($text);
    $text =~ s/-/\\-/g;
    return $text;
}

# One argument of a macro: not taken for a macro or for punctuation, quoted where it has spaces.
sub argument {
    my ($text) = @_;
    $text = escape_code($text);
    $text =~ s/"/\\(dq/g;
    $text = "\\&$text" if length($text) <= 3 || $text =~ /^[|.,:;()\[\]?!]/;
    return $text =~ / / ? "\"$text\"" : $text;
}

# A line of running text, kept from being read as a request.
sub text_line {
    my ($text) = @_;
    $text = escape($text);
    return $text =~ /^[.']/ ? "\\&$text" : $text;
}

# The macro of one token, or undef where it is plain text. `context` tells which functions have a
# page (`pages`), which names are arguments here (`arguments`) and which page this is (`self`).
sub token_macro {
    my ($token, $context) = @_;
    if ($token =~ /^`(.*)`$/) {
        return 'Fa ' . argument($1) if $context->{arguments}{$1};
        return 'Dv ' . argument($1) if $1 =~ /^CONNECTOR_\w+$/;
        return 'Vt ' . argument($1) if $1 =~ /^connector_\w+$/ && !$context->{pages}{$1};
        return 'Ql ' . argument($1);
    }
    if ($token =~ /^(connector_\w+)\(\)$/) {
        return "Fn $1" if $1 eq $context->{self} || !$context->{pages}{$1};
        return "Xr $1 3";
    }
    return 'Dv ' . argument($token) if $token =~ /^(?:CONNECTOR_\w+(?:\(\))?|NULL)$/;
    return "Vt $token" if $token =~ /^connector_\w+$/;
    return "Dv CONNECTOR_$token" if $short_status{$token};
    return 'Fa ' . argument($token) if $token =~ /^(?:error(?:\.|->)\w+)$/;
    return undef;
}

my $token = qr/`[^`]+`|connector_\w+\(\)|CONNECTOR_\w+(?:\(\))?|connector_\w+|error(?:\.|->)(?:field|version|status|os_code|message)\b|\b[A-Z_]{4,}\b/;

# One paragraph as lines. Sentences start on lines of their own.
sub paragraph {
    my ($text, $context) = @_;
    my (@lines, $glued);
    my @words = ('');

    # Words between spaces, but for spaces inside backticks.
    while ($text =~ /\G(`[^`]*`|\s+|.)/gcs) {
        my $piece = $1;
        if ($piece =~ /^\s+$/) { push @words, '' }
        else { $words[-1] .= $piece }
    }
    my $line = '';
    my $flush = sub {
        push @lines, text_line($line) if $line ne '';
        $line = '';
    };
    for my $word (@words) {
        my $macro = word_macro($word, $context);
        if (defined $macro) {
            $flush->();
            push @lines, ".$macro";
            next;
        }
        $line .= ($line eq '' ? '' : ' ') . $word;
        $flush->() if $word =~ /[.?!]\)?$/ || length($line) > 90;
    }
    $flush->();
    return @lines;
}

# A word with its punctuation as one macro line, or undef where nothing in it needs a macro.
sub word_macro {
    my ($word, $context) = @_;
    my @parts;
    my $found = 0;
    for my $part (split /($token)/, $word) {
        next if $part eq '';
        my $macro = $part =~ /^$token$/ ? token_macro($part, $context) : undef;
        $found = 1 if defined $macro;
        push @parts, [$part, $macro];
    }
    return undef unless $found;
    my ($line, $opening, $open) = ('', '', 0);
    for my $index (0 .. $#parts) {
        my ($text, $macro) = @{ $parts[$index] };
        if (defined $macro) {
            my ($name, $rest) = split / /, $macro, 2;
            $line .= ' Ns ' if $line ne '';
            $line .= $opening eq '' ? "$name $rest" : "$name $opening $rest";
            $opening = '';
        } elsif ($line eq '' && $text =~ /^[(\[]$/) {
            $opening = $text;
        } elsif ($text =~ /^[.,:;?!)\]]+$/ && $line ne '') {
            $line .= ' ' . join(' ', split //, $text);
        } elsif ($text =~ /^(.*?)([.,:;?!)\]]+)$/ && $line ne '') {
            $line .= ' Ns No ' . argument($1) . ' ' . join(' ', split //, $2);
        } else {
            $line .= ($line eq '' ? '' : ' Ns ') . 'No ' . argument($text);
        }
    }
    return $line;
}

# Paragraphs parted by .Pp.
sub paragraphs {
    my ($texts, $context) = @_;
    my @lines;
    for my $text (@$texts) {
        push @lines, '.Pp' if @lines;
        push @lines, paragraph($text, $context);
    }
    return @lines;
}

# What stands behind the dash of NAME: the first clause, without its full stop.
sub brief {
    my ($text) = @_;
    my $depth = '';
    $text =~ s/`//g if $text !~ /`[^`]*[.;:][^`]*`/;
    $text = $1 if $text =~ /^((?:`[^`]*`|[^`])*?)(?:[.;:](?=\s)|[.]?$)/;
    $text =~ s/`//g;
    $text =~ s/\(\)//g;
    $text =~ s/^([A-Z])(?=[a-z ])/lc($1)/e;
    return escape($text);
}

1;

/// The words of a `.flow` file, edition 1.
///
/// Foreign spellings (`&&`, `'text'`, `# comment`) are tokens too: they are reported with advice
/// and repaired before the parser sees them, so one slip does not hide the rest of the file.
lexer grammar FlowLexer;

channels { TRIVIA }

// Comments and space. Block comments nest; each closing sign ends a token, the mode counts.
DOC          : '///' ~[\r\n]* -> channel(TRIVIA);
LINE_COMMENT : '//' ~[\r\n]* -> channel(TRIVIA);
BLOCK_OPEN   : '/*' -> more, pushMode(COMMENT);
SPACE        : [ \t\r\n]+ -> skip;

// Hard words: never names.
LET    : 'let';
RETURN : 'return';
WITH   : 'with';
ELSE   : 'else';
RESCUE : 'rescue';
AS     : 'as';
IF     : 'if';
THEN   : 'then';
AND    : 'and';
OR     : 'or';
NOT    : 'not';
IN     : 'in';
IS     : 'is';
NULL_  : 'null';
TRUE_  : 'true';
FALSE_ : 'false';

// Soft words: names wherever a name may stand.
EDITION  : 'edition';
IMPORT   : 'import';
FROM     : 'from';
PARAM    : 'param';
DEFAULTS : 'defaults';
SCHEMA   : 'schema';
STORE    : 'store';
MODEL    : 'model';
FN       : 'fn';
FLOW     : 'flow';
TEST     : 'test';
STREAM   : 'stream';
STUB     : 'stub';
GIVEN    : 'given';
EXPECT   : 'expect';

PIPE      : '|>';
ARROW     : '->';
FAT_ARROW : '=>';
ELLIPSIS  : '...';
DOTDOT    : '..';
DOT       : '.';
QQ        : '??';
QUESTION  : '?';
EQ        : '==';
NE        : '!=';
LE        : '<=';
GE        : '>=';
LT        : '<';
GT        : '>';
ASSIGN    : '=';
COLON     : ':';
COMMA     : ',';
PLUS      : '+';
MINUS     : '-';
STAR      : '*';
SLASH     : '/';
LPAREN    : '(';
RPAREN    : ')';
LBRACE    : '{';
RBRACE    : '}';
LBRACK    : '[';
RBRACK    : ']';

HEX      : '0x' [0-9a-fA-F_]+;
FLOAT    : DIGITS '.' DIGITS EXPONENT? | DIGITS EXPONENT;
QUANTITY : DIGITS ('.' DIGITS)? ('%' | [\p{Alpha}]+);
INT      : DIGITS;

fragment DIGITS   : [0-9] [0-9_]*;
fragment EXPONENT : [eE] [+-]? [0-9]+;

FTEXT   : 'f"""' .*? '"""';
TEXT    : '"""' .*? '"""';
FSTRING : 'f"' CHARACTER* '"';
STRING  : '"' CHARACTER* '"';

fragment CHARACTER : '\\' ~[\r\n] | ~["\\\r\n];

QUOTED : '`' ~[`\r\n]+ '`';
ID     : [\p{XID_Start}_] [\p{XID_Continue}]*;

// Foreign spellings, and what is no word at all.
AND_AND     : '&&';
OR_OR       : '||';
BANG        : '!';
BAR         : '|';
SEMICOLON   : ';';
PERCENT     : '%';
HASH        : '#' ~[\r\n]*;
APOSTROPHES : '\'' ('\\' ~[\r\n] | ~['\\\r\n])* '\'' | '\u201C' ~[\u201D\r\n]* '\u201D';
OPEN_STRING : 'f'? '"' CHARACTER* '\\'? | '\'' ('\\' ~[\r\n] | ~['\\\r\n])* | '\u201C' ~[\u201D\r\n]*;
BAD         : .;

mode COMMENT;

NESTED       : '/*' -> more, pushMode(COMMENT);
BLOCK        : '*/' -> channel(TRIVIA), popMode;
COMMENT_TEXT : ~[*/]+ -> more;
COMMENT_SIGN : . -> more;

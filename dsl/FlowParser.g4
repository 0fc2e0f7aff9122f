/// The grammar of a `.flow` file, edition 1.
///
/// `file` says what a file is. The compiler itself cuts a file into its items first and parses
/// each on its own (`unit`), so that a mistake costs one item; `hole` is what stands in `f"{…}"`.
/// Keep every decision LL(1) or LL(2): what follows an optional part must not start like it.
parser grammar FlowParser;

options { tokenVocab = FlowLexer; }

file : edition? item* EOF;
unit : (edition | item) EOF;
hole : expr EOF;

edition : EDITION INT;

item
  : importDecl
  | paramDecl
  | defaultsDecl
  | schemaDecl
  | storeDecl
  | modelDecl
  | fnDecl
  | flowDecl
  | testDecl
  ;

importDecl   : IMPORT (name | LBRACE (name COMMA?)+ RBRACE) FROM STRING;
paramDecl    : PARAM name COLON type (IN range=expr)? (ASSIGN value=expr)?;
defaultsDecl : DEFAULTS block;
schemaDecl   : SCHEMA name record;
storeDecl    : STORE name signature block;
modelDecl    : MODEL name signature? block;
fnDecl       : FN name signature block;
flowDecl     : FLOW name signature withClause? LBRACE stmt* RBRACE;
testDecl     : TEST STRING LBRACE testStmt* RBRACE;

// Types.

signature : LPAREN columns? RPAREN (ARROW results)?;
results
  : LPAREN columns? RPAREN  # resultColumns
  | type                    # resultType
  ;
columns : column (COMMA column)* COMMA?;
column  : name COLON type (ASSIGN expr)?;
record  : LBRACE (recordPart COMMA?)* RBRACE;
recordPart
  : column    # recordColumn
  | ELLIPSIS  # recordEllipsis
  ;
type : STREAM? (path | record) (LBRACK dim (COMMA dim)* RBRACK)? QUESTION?;
dim
  : dim op=(STAR | SLASH) dim  # dimBinary
  | dim op=(PLUS | MINUS) dim  # dimBinary
  | ELLIPSIS                   # dimEllipsis
  | INT                        # dimInt
  | name                       # dimName
  ;

// Settings and hints.

withClause : WITH block;
block      : LBRACE (entry COMMA?)* RBRACE;
entry
  : key COLON expr  # entryValue
  | key block       # entryBlock
  ;

// Statements and pipelines.

stmt
  : let                                       # letStmt
  | RETURN result (COMMA result)* COMMA?      # returnNamed
  | RETURN pipeline                           # returnOne
  ;
let      : LET binder ASSIGN pipeline;
result   : name COLON pipeline;
binder   : name | LPAREN name (COMMA name)* COMMA? RPAREN;
pipeline : expr withClause? (PIPE step)*;
chain    : step (PIPE step)*;
step     : path args? branches? (AS name)? withClause? (RESCUE step)?;
args     : LPAREN (arg (COMMA arg)* COMMA?)? RPAREN;
arg
  : key COLON expr    # argOption
  | name ASSIGN expr  # argDefine
  | pipeline          # argPositional
  ;
branches : LBRACE branch (COMMA branch)* COMMA? RBRACE;
branch   : (ELSE | expr) FAT_ARROW chain;

testStmt
  : STUB path FAT_ARROW expr              # stubStmt
  | GIVEN name (COLON type)? ASSIGN expr  # givenStmt
  | let                                   # testLet
  | EXPECT expr                           # expectStmt
  ;

// Expressions, the tightest binding first.

expr
  : expr DOT name                                # member
  | expr LBRACK expr (COMMA expr)* RBRACK        # index
  | expr args                                    # call
  | op=(MINUS | PLUS) expr                       # unary
  | expr op=(STAR | SLASH) expr                  # binary
  | expr op=(PLUS | MINUS) expr                  # binary
  | expr op=DOTDOT expr                          # binary
  | expr op=(LT | LE | GT | GE | EQ | NE) expr   # binary
  | expr negation=NOT? op=IN expr                # binary
  | expr IS negation=NOT? NULL_                  # isNull
  | expr op=QQ expr                              # binary
  | op=NOT expr                                  # unary
  | expr op=AND expr                             # binary
  | expr op=OR expr                              # binary
  | IF expr THEN expr ELSE expr                  # conditional
  | LPAREN expr RPAREN                           # group
  | LBRACK (expr (COMMA expr)* COMMA?)? RBRACK   # list
  | LBRACE (field COMMA?)* RBRACE                # fields
  | literal                                      # constant
  | name                                         # variable
  ;
field : name COLON expr;
literal
  : kind=(INT | HEX | FLOAT | QUANTITY | STRING | TEXT | FSTRING | FTEXT | TRUE_ | FALSE_ | NULL_)
  ;

// Names.

path : name (DOT name)*;
key  : name | WITH | AS | IN | IF | THEN | ELSE | LET | RETURN | RESCUE;  // options may use hard words
name
  : ID | QUOTED
  | EDITION | IMPORT | FROM | PARAM | DEFAULTS | SCHEMA | STORE | MODEL | FN | FLOW | TEST
  | STREAM | STUB | GIVEN | EXPECT
  ;

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
)

// opposites are the operators that replace an operator.
var opposites = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.AND: {token.OR}, token.OR: {token.AND}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.MUL_ASSIGN: {token.QUO_ASSIGN}, token.QUO_ASSIGN: {token.MUL_ASSIGN},
}

// finder collects the changes of one file.
type finder struct {
	file   string
	source []byte
	fset   *token.FileSet
	found  []change
	listed map[ast.Node]bool // statements that can be replaced by others: those of blocks and cases
	within []ast.Node        // the nodes around the visited node, and the node itself
}

// find returns all possible changes in a file. Some of them do not compile.
func find(file string, source []byte) ([]change, error) {
	f := &finder{file: file, source: source, fset: token.NewFileSet(), listed: map[ast.Node]bool{}}
	parsed, err := parser.ParseFile(f.fset, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range parsed.Decls {
		if function, ok := d.(*ast.FuncDecl); ok && function.Body != nil {
			ast.Inspect(function.Body, f.visit)
		}
	}
	slices.SortStableFunc(f.found, func(a, b change) int { return a.start - b.start })
	return f.found, nil
}

func (f *finder) visit(n ast.Node) bool {
	if n == nil {
		f.within = f.within[:len(f.within)-1]
		return true
	}
	f.within = append(f.within, n)
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.operator(n.OpPos, n.Op)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.replace(n, n.OpPos, n.X.Pos(), "", expression)
		}
	case *ast.Ident:
		if other := map[string]string{"true": "false", "false": "true"}[n.Name]; other != "" {
			f.replace(n, n.Pos(), n.End(), other, expression)
		}
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.ForStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					f.condition(e)
				}
			}
		}
	case *ast.IncDecStmt:
		f.operator(n.TokPos, n.Tok)
	case *ast.AssignStmt:
		f.operator(n.TokPos, n.Tok)
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.CommClause:
		f.statements(n.Body)
	}
	return true
}

// replace changes a part of a node.
func (f *finder) replace(of ast.Node, from, to token.Pos, with string, is form) {
	c := newChange(f.fset, f.file, f.source, from, to, with)
	c.form, c.from, c.to = is, f.offset(of.Pos()), f.offset(of.End())
	f.found = append(f.found, c)
}

func (f *finder) operator(at token.Pos, op token.Token) {
	of, is := f.outer()
	for _, other := range opposites[op] {
		f.replace(of, at, at+token.Pos(len(op.String())), other.String(), is)
	}
}

// outer returns the node that must be duplicated to have two variants of the visited node: its
// condition, or else its statement. For strings only addition is possible.
func (f *finder) outer() (ast.Node, form) {
	self := f.within[len(f.within)-1]
	for _, n := range slices.Backward(f.within) {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if isCondition(n.Op) {
				return n, expression
			}
			if hasText(n) {
				return self, alone
			}
		case *ast.AssignStmt:
			if f.listed[n] && n.Tok != token.DEFINE && !hasText(n) {
				return n, choice
			}
			return self, alone
		case *ast.ReturnStmt, *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt:
			if f.listed[n] {
				return n, choice
			}
			return self, alone
		case ast.Stmt, *ast.FuncLit:
			return self, alone
		}
	}
	return self, alone
}

// hasText reports whether a node contains a string literal.
func hasText(n ast.Node) (has bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		text, ok := n.(*ast.BasicLit)
		has = has || ok && text.Kind == token.STRING
		return !has
	})
	return has
}

// isCondition reports whether the result of an operator is a boolean.
func isCondition(op token.Token) bool {
	switch op {
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ, token.LAND, token.LOR:
		return true
	}
	return false
}

// condition negates a condition, unless one of its operators is changed already.
func (f *finder) condition(e ast.Expr) {
	switch e := e.(type) {
	case nil, *ast.BinaryExpr, *ast.Ident:
		if id, ok := e.(*ast.Ident); ok && id.Name != "true" && id.Name != "false" {
			f.replace(e, e.Pos(), e.End(), "!"+id.Name, expression)
		}
		return
	case *ast.UnaryExpr, *ast.ParenExpr:
		return
	}
	f.replace(e, e.Pos(), e.End(), "!("+string(f.source[f.offset(e.Pos()):f.offset(e.End())])+")", expression)
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// statements removes each statement that has an effect, in a way that compiles: the variables in it
// stay used.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		f.listed[s] = true
		if hasEffect(s) {
			is := leftOut
			if mayEnd(s) {
				is = alone
			}
			f.replace(s, s.Pos(), s.End(), "if false { "+string(f.source[f.offset(s.Pos()):f.offset(s.End())])+" }", is)
		}
	}
}

// mayEnd reports whether the compiler may require such a statement at the end of a function.
func mayEnd(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.BranchStmt:
		return s.Tok == token.FALLTHROUGH || s.Tok == token.GOTO
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		name, ok := call.Fun.(*ast.Ident)
		return ok && name.Name == "panic"
	}
	return false
}

func hasEffect(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		return !isLogging(s.X)
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE
	case *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// isLogging reports whether a call is one like s.log.Warn.
func isLogging(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) {
		return false
	}
	switch of := method.X.(type) {
	case *ast.Ident:
		return of.Name == "log"
	case *ast.SelectorExpr:
		return of.Sel.Name == "log"
	}
	return false
}

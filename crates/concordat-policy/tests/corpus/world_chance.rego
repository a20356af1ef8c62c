# expect: 4:6 banned_builtin
package own

x := rand.intn("seed", 10)

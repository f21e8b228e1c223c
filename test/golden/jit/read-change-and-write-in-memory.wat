(module
 (type $0 (func (param i32 i64 i64) (result i32)))
 (type $1 (func (param i64 i32) (result i32)))
 (type $2 (func (param i32 i64 i32) (result i32)))
 (import "region" "memory" (memory $mimport$0 592))
 (import "region" "arithmeticFlagsOf" (func $fimport$0 (param i32 i64 i64) (result i32)))
 (import "region" "onward" (func $fimport$1 (param i64 i32) (result i32)))
 (export "0" (func $0))
 (func $0 (param $0 i32) (param $1 i64) (param $2 i32) (result i32)
  (local $3 i32)
  (local $4 i64)
  (local $5 i64)
  (local $6 i64)
  (local $7 i64)
  (local $8 i64)
  (local $9 i32)
  (local $10 i64)
  (local $11 i64)
  (local $12 i32)
  (local $13 i32)
  (local $14 i32)
  (local $15 i64)
  (local $16 i32)
  (local $17 i64)
  (local $18 i64)
  (local $19 i64)
  (local.set $6
   (i64.load offset=4112 align=1
    (i32.const 0)
   )
  )
  (local.set $15
   (i64.load offset=1024 align=1
    (i32.const 0)
   )
  )
  (local.set $17
   (i64.load offset=1032 align=1
    (i32.const 0)
   )
  )
  (local.set $10
   (i64.load offset=1080 align=1
    (i32.const 0)
   )
  )
  (local.set $19
   (i64.load offset=1112 align=1
    (i32.const 0)
   )
  )
  (local.set $3
   (i32.load offset=1184 align=1
    (i32.const 0)
   )
  )
  (local.set $4
   (i64.load offset=1192 align=1
    (i32.const 0)
   )
  )
  (local.set $5
   (i64.load offset=1200 align=1
    (i32.const 0)
   )
  )
  (block $block3
   (block
    (block $block2
     (block $block1
      (block
       (block
        (loop
         (block $block
          (br_table $block $block
           (local.get $0)
          )
         )
         (local.set $2
          (i32.sub
           (local.get $2)
           (i32.const 3)
          )
         )
         (local.set $11
          (i64.add
           (local.get $10)
           (i64.const 8)
          )
         )
         (local.set $12
          (i32.and
           (i32.wrap_i64
            (i64.xor
             (i64.shr_u
              (local.get $11)
              (i64.const 7)
             )
             (i64.shr_u
              (local.get $11)
              (i64.const 19)
             )
            )
           )
           (i32.const 131040)
          )
         )
         (local.set $13
          (i32.add
           (i32.wrap_i64
            (local.get $11)
           )
           (i32.load offset=917520 align=1
            (local.get $12)
           )
          )
         )
         (@metadata.code.branch_hint "\00")
         (if
          (i64.ne
           (i64.or
            (i64.and
             (i64.add
              (local.get $11)
              (i64.const 3)
             )
             (i64.const -4096)
            )
            (local.get $6)
           )
           (i64.load offset=917512 align=1
            (local.get $12)
           )
          )
          (then
           (local.set $7
            (i64.const 0)
           )
           (br $block1)
          )
         )
         (local.set $14
          (i32.load align=1
           (local.get $13)
          )
         )
         (local.set $16
          (i32.wrap_i64
           (local.get $15)
          )
         )
         (i32.store align=1
          (local.get $13)
          (i32.add
           (local.get $14)
           (local.get $16)
          )
         )
         (local.set $4
          (i64.extend_i32_u
           (local.get $14)
          )
         )
         (local.set $5
          (i64.extend_i32_u
           (local.get $16)
          )
         )
         (local.set $3
          (i32.const 288)
         )
         (local.set $11
          (i64.add
           (local.get $10)
           (i64.shl
            (local.get $17)
            (i64.const 3)
           )
          )
         )
         (local.set $12
          (i32.and
           (i32.wrap_i64
            (i64.xor
             (i64.shr_u
              (local.get $11)
              (i64.const 7)
             )
             (i64.shr_u
              (local.get $11)
              (i64.const 19)
             )
            )
           )
           (i32.const 131040)
          )
         )
         (local.set $13
          (i32.add
           (i32.wrap_i64
            (local.get $11)
           )
           (i32.load offset=917520 align=1
            (local.get $12)
           )
          )
         )
         (@metadata.code.branch_hint "\00")
         (if
          (i64.ne
           (i64.or
            (i64.and
             (i64.add
              (local.get $11)
              (i64.const 7)
             )
             (i64.const -4096)
            )
            (local.get $6)
           )
           (i64.load offset=917512 align=1
            (local.get $12)
           )
          )
          (then
           (local.set $7
            (i64.const 3)
           )
           (br $block1)
          )
         )
         (local.set $18
          (i64.load align=1
           (local.get $13)
          )
         )
         (i64.store align=1
          (local.get $13)
          (i64.add
           (local.get $18)
           (i64.const 1)
          )
         )
         (local.set $14
          (i32.lt_u
           (i32.add
            (i32.wrap_i64
             (local.get $4)
            )
            (i32.wrap_i64
             (local.get $5)
            )
           )
           (i32.wrap_i64
            (local.get $4)
           )
          )
         )
         (local.set $4
          (local.get $18)
         )
         (local.set $5
          (i64.extend_i32_u
           (local.get $14)
          )
         )
         (local.set $3
          (i32.const 1024)
         )
         (local.set $17
          (i64.add
           (local.get $1)
           (i64.const 9)
          )
         )
         (local.set $19
          (i64.extend_i32_u
           (i32.or
            (call $fimport$0
             (local.get $3)
             (local.get $4)
             (local.get $5)
            )
            (i32.or
             (i32.load offset=1188 align=1
              (i32.const 0)
             )
             (i32.const 514)
            )
           )
          )
         )
         (i32.store offset=4124 align=1
          (i32.const 0)
          (i32.const 1)
         )
         (local.set $7
          (i64.const 9)
         )
         (br $block2)
        )
        (unreachable)
        (unreachable)
       )
       (local.set $8
        (i64.add
         (local.get $1)
         (local.get $7)
        )
       )
       (local.set $9
        (i32.const 0)
       )
       (br $block3)
      )
      (local.set $8
       (i64.add
        (local.get $1)
        (local.get $7)
       )
      )
      (local.set $9
       (i32.const 2)
      )
      (br $block3)
     )
     (local.set $8
      (i64.add
       (local.get $1)
       (local.get $7)
      )
     )
     (local.set $9
      (i32.const 3)
     )
     (br $block3)
    )
    (local.set $8
     (i64.add
      (local.get $1)
      (local.get $7)
     )
    )
    (local.set $9
     (i32.const 1)
    )
    (br $block3)
   )
   (local.set $9
    (i32.const 0)
   )
  )
  (i64.store offset=1032 align=1
   (i32.const 0)
   (local.get $17)
  )
  (i64.store offset=1112 align=1
   (i32.const 0)
   (local.get $19)
  )
  (i32.store offset=1184 align=1
   (i32.const 0)
   (local.get $3)
  )
  (i64.store offset=1192 align=1
   (i32.const 0)
   (local.get $4)
  )
  (i64.store offset=1200 align=1
   (i32.const 0)
   (local.get $5)
  )
  (if
   (i32.eq
    (local.get $9)
    (i32.const 0)
   )
   (then
    (return_call $fimport$1
     (local.get $8)
     (local.get $2)
    )
   )
  )
  (i64.store offset=1176 align=1
   (i32.const 0)
   (local.get $8)
  )
  (i32.store offset=4144 align=1
   (i32.const 0)
   (local.get $2)
  )
  (local.get $9)
 )
)

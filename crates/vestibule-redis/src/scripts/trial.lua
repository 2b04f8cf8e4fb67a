-- Whether there is room for a verb that needs some. Leaves nothing behind.
call('HSET', base .. 'trial', 'v', '1')
call('DEL', base .. 'trial')
return {'done'}
